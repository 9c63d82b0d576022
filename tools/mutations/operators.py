"""Every way to write: in-place operators, assignment by index, `out=`, lists of tensors, casts."""

import torch
import torch.nn.functional as F

from . import Call, case, program, writes

writes("relu_chain", lambda y: F.relu_(F.relu6(F.leaky_relu_(y, 0.1), inplace=True)), 2, 3)
writes("activations_in_place", lambda y: F.elu(F.hardswish(F.silu(y, inplace=True), inplace=True), inplace=True), 2, 3)
writes("sigmoid_tanh", lambda y: y.sigmoid_().tanh_().logit_(0.1), 4)
writes("rounding", lambda y: y.mul_(10).floor_().trunc_().round_(decimals=1).frac_(), 5)
writes("clamping", lambda y: (y.clamp_(min=0), y.clamp_max_(1), y.clip_(0.1, 0.9)), 5)
writes("powers", lambda y: y.abs_().sqrt_().pow_(2).reciprocal_().rsqrt_().square_(), 4)
writes("addcmul_addcdiv", lambda y: y.addcmul_(y, y + 1, value=2).addcdiv_(y, torch.full((3,), 3.0)), 3)
writes("lerp", lambda y: (y.lerp_(torch.ones(3), 0.3), y.lerp_(torch.zeros(3), torch.rand(3) * 0 + 0.5)), 3)
writes("matrix_products", lambda y: y.addmm_(y + 1, y * 2, beta=0.5), 3, 3)
writes("batched_products", lambda y: y.baddbmm_(y + 1, y * 2), 2, 3, 3)
writes("outer_product", lambda y: y.addr_(torch.ones(2), torch.arange(3.0)), 2, 3)
writes("triangles", lambda y: y.tril_().triu_(-1), 4, 4)
writes("cumulative", lambda y: (y.cumsum_(0), y.cumprod_(1)), 3, 3)
writes("filled", lambda y: (y.fill_(3), y.fill_(torch.tensor(2.0)), y[0].zero_()), 3)
writes("fill_diagonal", lambda y: y.fill_diagonal_(7), 3, 3)
writes("fill_diagonal_wrapped", lambda y: y.fill_diagonal_(7, wrap=True), 7, 3)
writes("masked_fill", lambda y: (y.masked_fill_(y > 1, -5), y.masked_fill_(y < 0, torch.tensor(4.0))), 3, 3)
writes("masked_scatter", lambda y: y.masked_scatter_(y > 1, torch.arange(9.0)), 3, 3)
writes("index_put", lambda y: y.index_put_((torch.tensor([0, 2]), torch.tensor([1, 1])), torch.tensor(9.0)), 3, 3)
writes("index_put_accumulate", lambda y: y.index_put_((torch.tensor([1, 1, 0]),), torch.ones(3), accumulate=True), 3, 3)
writes("index_fill", lambda y: y.index_fill_(1, torch.tensor([0, 2]), -1), 2, 4)
writes("index_copy", lambda y: y.index_copy_(0, torch.tensor([2, 0]), torch.ones(2, 3)), 3, 3)
writes("index_add", lambda y: y.index_add_(0, torch.tensor([1, 1]), torch.ones(2, 3), alpha=2), 3, 3)
writes("index_reduce", lambda y: y.index_reduce_(0, torch.tensor([1, 1]), torch.full((2, 3), 2.0), "prod"), 3, 3)
writes("scatter_value", lambda y: y.scatter_(1, torch.tensor([[0], [2]]), 8.0), 2, 3)
writes("scatter_source", lambda y: y.scatter_(0, torch.tensor([[1, 0, 1]]), torch.full((1, 3), 6.0)), 2, 3)
writes("scatter_with_reduce", lambda y: y.scatter_(0, torch.tensor([[1, 0, 1]]), 2.0, reduce="multiply"), 2, 3)
writes("scatter_add", lambda y: y.scatter_add_(0, torch.tensor([[1, 1, 0]]), torch.ones(1, 3)), 2, 3)
writes("scatter_reduce", lambda y: y.scatter_reduce_(1, torch.tensor([[0, 0], [2, 1]]), torch.ones(2, 2), "amax"), 2, 3)
writes("put", lambda y: y.put_(torch.tensor([1, 4]), torch.tensor([5.0, 6.0])), 2, 3)
writes("sorted_ends", lambda y: (y[0].copy_(y[0].sort().values), y[1].copy_(y[1].flip(0))), 2, 4)
writes("zero_dim", lambda y: y.sum().add_(1).mul_(y.mean()), 3)
writes("scalar_base", lambda y: (y.add_(1), y.view(1).mul_(3), y.unsqueeze(0)[0].sub_(2)))
writes("renormalized", lambda y: y.renorm_(2, 0, 0.5), 3, 3)
writes("copy_broadcast", lambda y: (y.copy_(torch.arange(3.0)), y[:, 1:].copy_(torch.tensor(2))), 2, 3)
writes("comparison_in_place", lambda y: (y.gt_(0), y.eq_(1), y.logical_not_()), 4)
writes("operators_of_python", lambda y: exec_operators(y), 3)
writes("dropout_eval", lambda y: F.dropout(y, 0.5, training=False, inplace=True).add_(1), 4)
writes("threshold", lambda y: F.threshold_(y, 0.5, -1), 5)
writes("detached_in_place", lambda y: (y.detach_().mul_(2), y.requires_grad_(False).add_(1)), 3)


def exec_operators(y):
    y += 2
    y *= y
    y -= 0.5
    y /= 3
    y **= 2
    y //= 0.25
    y %= 5
    return y


@case
def bitwise_in_place():
    def function(x):
        y = x.clone()
        y &= 12
        y |= 3
        y ^= 5
        y <<= 2
        y >>= 1
        y.bitwise_not_()
        return y

    return program(function, torch.arange(8))


@case
def copy_casts():
    """`copy_` and in-place arithmetic keep the dtype of the target."""

    def function(x, i):
        a, b, c = i.clone(), x.to(torch.float16), x > 0
        a.copy_(x * 10)
        a[1:].add_(2)
        b[0].copy_(i[1])
        b.mul_(x)
        c.copy_(i)
        c[0].logical_xor_(x[0, 0] > 0)
        d = torch.zeros(2, 2, dtype=torch.complex64)
        d[:, 0].copy_(x[:, 0])
        return a, b, c, d

    return program(function, torch.rand(2, 2), torch.arange(4).view(2, 2))


@case
def index_assignments():
    """Assignment as Python writes it."""

    def function(x, mask, index):
        y = x.clone()
        y[0, 1] = 5
        y[..., -1] = y[..., 0]
        y[mask] = -1
        y[index] = y[index] * 2
        y[:, index] += 1
        y[1:, None, ::2] = torch.zeros(1, 2)
        y[index[:, None], index] = torch.ones(2, 2)
        y[torch.tensor(0)] = 8
        return y

    x = torch.rand(4, 4)
    return program(function, x, x > 0.5, torch.tensor([0, 2]))


@case
def out_variants_of_views():
    """`out=` writes to views, to several tensors and to inputs."""

    def function(x, y):
        base = torch.zeros(4, 2, 2)
        torch.add(x, y, out=base[0])
        torch.mm(x, y, out=base[1])
        values, indices = torch.empty(2, 2), torch.empty(2, 2, dtype=torch.int64)
        torch.sort(x, 1, out=(values, indices))
        torch.cat([x[:1], y[1:]], out=base[2])
        torch.sum(x, 1, out=y[0])
        torch.clamp(x, 0.2, 0.4, out=x)
        return base, values, indices, x, y

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def out_of_other_dtype():
    """`out=` casts to the dtype of what it writes to."""

    def function(x, i):
        out = torch.zeros(3, dtype=torch.float64)
        torch.mul(x, i, out=out)
        torch.add(i, 1, out=x)
        return out, x

    return program(function, torch.rand(3), torch.arange(3))


@case
def foreach_add():
    """Lists of tensors, views of one base among them, are written at once."""

    def function(x, y):
        a, b = x.clone(), y.clone()
        torch._foreach_add_([a[0], a[1], b], 1)
        torch._foreach_mul_([a, b], [x, y])
        torch._foreach_sqrt_([a, b])
        torch._foreach_addcmul_([a, b], [y, x], [x, y], 0.5)
        torch._foreach_copy_([a[0], b[1]], [x[1], y[0]])
        torch._foreach_zero_([a[:, 0]])
        torch._foreach_lerp_([b], [a], 0.5)
        return a, b

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def foreach_on_inputs():
    def function(x, y):
        torch._foreach_mul_([x, y[0]], 2)
        torch._foreach_neg_((y[1], x[1:]))
        return x + y

    return program(function, torch.rand(2, 2), torch.rand(2, 2))


@case
def random_in_place():
    """Draws; only sizes and dtypes are compared."""

    def function(x):
        y = x.clone()
        y.normal_()
        y[0].uniform_(2, 3)
        y[1].bernoulli_(0.5)
        y[2].random_(5)
        y[3].exponential_()
        return y, F.dropout(y, 0.5, training=True, inplace=True), y.detach().log_normal_()

    return program(function, torch.rand(4, 3))


@case
def resized_fresh():
    """Tensors made to be written."""

    def function(x):
        y = torch.empty(2, 3)
        y.copy_(x)
        z = torch.empty_like(x).fill_(1)
        w = x.new_zeros(6)
        w[:3] = x[0]
        v = torch.full((2,), 3.0)
        v[0] += x[0, 0]
        return y.add_(z), w, v

    return program(function, torch.rand(2, 3))


@case
def self_copy():
    """Copies of a tensor into itself and into a view of itself."""

    def function(x):
        y = x.clone()
        y.copy_(y)
        y[:2].copy_(y[2:])
        y.copy_(y.flip(0))
        x.copy_(x)
        return y

    return program(function, torch.rand(4))


@case
def unused_writes():
    """Writes that nobody reads, and writes that are read after being overwritten."""

    def function(x):
        y, z = x.clone(), x * 2
        y.add_(1)
        z[0].zero_()
        z.copy_(x)
        z[1:].fill_(3)
        return z.sum()

    return program(function, torch.rand(4, 2))
