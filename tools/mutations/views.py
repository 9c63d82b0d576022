"""Writes through views: the base, the views beside it and views of views see them."""

import torch
from torch.export import Dim

from . import Call, case, program, writes

writes("slice_step", lambda y: y[1:, ::3].mul_(-2), 4, 8)
writes("slice_negative_bounds", lambda y: y[-3:-1].add_(10), 5, 2)
writes("slice_past_the_end", lambda y: y[2:100].zero_(), 4, 2)
writes("slice_empty", lambda y: y[3:3].fill_(7), 4, 2)
writes("slice_of_slice", lambda y: y[1:6:2][1:].neg_(), 7, 2)
writes("select_first", lambda y: y[0].add_(1), 3, 2)
writes("select_negative", lambda y: y.select(-1, -2).exp_(), 3, 4)
writes("select_to_scalar", lambda y: y[1][2].fill_(5), 2, 3)
writes("diagonal_main", lambda y: y.diagonal().zero_(), 3, 4)
writes("diagonal_offset", lambda y: y.diagonal(1, 0, 2).sub_(1), 3, 2, 4)
writes("diagonal_below", lambda y: torch.diagonal(y, offset=-1).mul_(3), 4, 4)
writes("transposed", lambda y: y.t()[0].add_(torch.arange(3.0)), 3, 2)
writes("transpose_int", lambda y: y.transpose(0, 2)[1].zero_(), 2, 3, 4)
writes("transpose_tail", lambda y: y.mT[0].mul_(2), 2, 3, 4)
writes("numpy_transpose", lambda y: y.T[1].fill_(1), 3, 4)
writes("swapped_axes", lambda y: y.swapaxes(0, 1)[2].neg_(), 2, 3)
writes("permuted", lambda y: y.permute(2, 0, 1)[1, 0].add_(3), 2, 3, 4)
writes("moved_axis", lambda y: y.movedim(0, 2)[..., 1].zero_(), 2, 3, 4)
writes("moved_axes", lambda y: y.moveaxis((0, 1), (2, 0))[1].add_(1), 2, 3, 4)
writes("viewed", lambda y: y.view(3, 4)[1].mul_(5), 2, 6)
writes("viewed_as", lambda y: y.view_as(torch.zeros(6, 2))[4].neg_(), 3, 4)
writes("viewed_as_int", lambda y: y.view(torch.int32)[0].zero_(), 2, 3)
writes("reshaped", lambda y: y.reshape(-1)[2:5].fill_(9), 2, 4)
writes("reshaped_to_copy", lambda y: y.t().reshape(-1)[2:5].fill_(9), 2, 4, note="a reshape that copies is no view")
writes("flattened", lambda y: y.flatten(1)[:, 1].add_(2), 2, 2, 3)
writes("raveled", lambda y: y.ravel()[::2].zero_(), 3, 3)
writes("unflattened", lambda y: y.unflatten(0, (2, -1))[1, 0].add_(1), 6, 2)
writes("squeezed", lambda y: y.squeeze()[1].mul_(2), 1, 3, 1)
writes("squeezed_dim", lambda y: y.squeeze(1)[0].mul_(2), 2, 1, 3)
writes("squeezed_dims", lambda y: y.squeeze((0, 2))[1].mul_(2), 1, 3, 1)
writes("unsqueezed", lambda y: y.unsqueeze(1)[0, 0].sub_(4), 3, 2)
writes("expanded", lambda y: y.expand(3, 4)[:, 1:].relu(), 3, 1)
writes("expanded_row_write", lambda y: y.unsqueeze(0).expand(1, 3).add_(1), 3)
writes("narrowed", lambda y: y.narrow(1, 1, 2).copy_(torch.ones(3, 2)), 3, 4)
writes("unbound", lambda y: y.unbind(1)[2].add_(1), 2, 4)
writes("split_sized", lambda y: y.split([1, 3], 1)[1].zero_(), 2, 4)
writes("split_even", lambda y: y.split(2)[1].mul_(3), 5, 2)
writes("chunked", lambda y: y.chunk(3, 1)[2].add_(1), 2, 7)
writes("tensor_split_indices", lambda y: y.tensor_split((1, 3))[1].neg_(), 5, 2)
writes("hsplit_vsplit", lambda y: (y.hsplit(2)[1].add_(1), y.vsplit(2)[0].mul_(2)), 4, 4)
writes("as_strided_of_base", lambda y: y.as_strided((2, 2), (1, 4), 2).zero_(), 3, 4)
writes("as_strided_of_view", lambda y: y[1].as_strided((2, 2), (4, 1), 0).add_(1), 3, 4, note="reaches beyond the view")
writes("unfolded", lambda y: y.unfold(0, 2, 2)[1].fill_(3), 6)
writes("unfolded_rows", lambda y: y.unfold(1, 2, 3).mul_(2), 2, 8)
writes("real_of_complex", lambda y: torch.view_as_real(torch.view_as_complex(y))[0].zero_(), 3, 2)
writes("real_part", lambda y: torch.view_as_complex(y).real.add_(1), 3, 2)
writes("imaginary_part", lambda y: torch.view_as_complex(y).imag.mul_(2), 3, 2)
writes("conjugate", lambda y: torch.view_as_complex(y).conj().mul_(1j), 3, 2)
writes("detached", lambda y: y.detach().add_(1), 3)
writes("aliased", lambda y: torch.ops.aten.alias(y).mul_(2), 3)
writes("contiguous_is_self", lambda y: y.contiguous().add_(1), 2, 3)
writes("contiguous_is_copy", lambda y: y.t().contiguous().add_(1), 2, 3)
writes("to_is_self", lambda y: y.to(torch.float32).add_(1), 2)
writes("to_is_copy", lambda y: y.to(torch.float64).add_(1), 2)
writes("view_of_view_of_view", lambda y: y[1:].t().unsqueeze(0)[0, 2].add_(1), 4, 3)
writes("transposed_in_place", lambda y: y.t_()[0].add_(1), 2, 3)
writes("squeezed_in_place", lambda y: y.squeeze_(0).unsqueeze_(1).add_(1), 1, 3)
writes("swapped_in_place", lambda y: y.swapdims_(0, 1).transpose_(0, 1).mul_(2), 2, 3)
writes("atleast_2d", lambda y: torch.atleast_2d(y)[0, 1].fill_(2), 3)
writes("expanded_as", lambda y: y.expand_as(torch.zeros(2, 3))[0].add(1), 3)


@case
def siblings_see_writes():
    """Writes through one view, reads of the base and of other views, before and after."""

    def function(x):
        y = x * 1
        row, column, flat = y[1], y[:, 2], y.view(-1)
        before = flat.sum()
        row.add_(1)
        middle = column * 1
        column.mul_(2)
        flat[::5].zero_()
        return before, middle, row, column, flat, y

    return program(function, torch.rand(3, 4))


@case
def overlapping_slices():
    """Two slices that overlap, written by turns."""

    def function(x):
        y = x.clone()
        a, b = y[:4], y[2:]
        a.add_(1)
        b.mul_(2)
        a.sub_(b * 3)
        return a, b, y

    return program(function, torch.rand(6))


@case
def write_reads_own_view():
    """What is written is read through another view of the same memory."""

    def function(x):
        y = x.clone()
        y[1:] += y[:-1] * 2
        y.add_(y.t() + 1)
        y[0].mul_(y[:, 0] * 1)
        return y

    return program(function, torch.rand(3, 3))


@case
def outputs_alias():
    """Outputs share memory with each other and with an input."""

    def function(x):
        y = x.clone()
        v = y.view(-1)
        v.add_(1)
        w = x[0]
        return y, v, y[0], w, x, x.t()

    return program(function, torch.rand(2, 2))


@case
def input_through_views():
    """An input is written through chains of views; the caller sees it."""

    def function(x, y):
        x.t()[1:].select(1, 0).copy_(y)
        x.diagonal().fill_(2)
        x.view(2, 1, 3).squeeze(1)[1].neg_()
        return x.sum(), x[0]

    return program(function, torch.rand(2, 3), torch.rand(2))


@case
def input_as_strided():
    def function(x):
        x.as_strided((2,), (3,), 1).add_(5)
        return x * 2

    return program(function, torch.rand(2, 3))


@case
def dynamic_views():
    """Views of symbolic size are written."""

    def function(x):
        y = x.clone()
        y[1:].mul_(2)
        y.view(-1)[::2].add_(1)
        y.t().reshape(-1)[0] = 3
        y[:, -1].zero_()
        y.flatten()[1:3].neg_()
        return y, y.sum()

    x = torch.rand(4, 3)
    return program(function, x, dynamic_shapes={"args": ({0: Dim.AUTO},)}, alts=[Call((torch.rand(7, 3),))])


@case
def dynamic_splits():
    """Parts of a tensor of symbolic size are written."""

    def function(x):
        y = x.clone()
        a, b = y.split(2, 1)
        a.add_(b)
        c = y.narrow(0, 1, y.shape[0] - 1)
        c.mul_(2)
        for part in y.chunk(2, 1):
            part.sub_(part.mean())
        y.unsqueeze(0).permute(2, 0, 1)[0].fill_(1)
        y.unbind(1)[3].neg_()
        return y

    x = torch.rand(5, 4)
    return program(function, x, dynamic_shapes={"args": ({0: Dim.AUTO},)}, alts=[Call((torch.rand(3, 4),))])


@case
def channels_last_base():
    """The base is laid out in another order than its sizes."""

    def function(x):
        y = x.to(memory_format=torch.channels_last).clone()
        y[:, 1].add_(1)
        y.permute(0, 2, 3, 1).view(-1)[3:7].zero_()
        y.mul_(2)
        return y.permute(0, 2, 3, 1).reshape(-1), y

    return program(function, torch.rand(2, 3, 2, 2))


@case
def transposed_base():
    """In-place ops keep strides that their functional forms may not keep."""

    def function(x, z):
        y = x.t().clone()
        y.add_(z)
        y.t().view(-1)[2].fill_(4)
        y.copy_(z)
        y.t().view(-1)[3].fill_(5)
        y.zero_()
        return y.t().view(-1), y

    return program(function, torch.rand(2, 3), torch.rand(3, 2))


@case
def unfold_tiles():
    """Writes to parts that tile a dimension, and to parts with others between them."""

    def function(x):
        y = x.clone()
        y.unfold(0, 2, 2)[1].zero_()
        y.unfold(1, 1, 2).mul_(3)
        return y, y.unfold(0, 3, 1).sum(-1)

    return program(function, torch.rand(6, 3))


@case
def chains_of_views():
    """Writes to views of views of different kinds, and to slices of what they show."""

    def function(x):
        y = x.clone()
        turned = y.view(6, 4).t()[1:3]
        parts = turned.unflatten(1, (2, 3))
        parts[0].mul_(2)
        parts.select(1, 1).add_(turned[:, :3])
        y.diagonal(0, 1, 2).fill_(7)
        return y, turned, parts

    return program(function, torch.rand(2, 3, 4))


@case
def dynamic_split_sizes():
    """Parts of a tensor are written that begin where symbolic sizes end."""

    def function(x):
        y = x.clone()
        first, rest = y.split([1, x.shape[0] - 1])
        rest.sub_(first)
        y.view(x.shape[0] * x.shape[1], -1)[0].fill_(2)
        return y, rest

    sizes = {"args": ({0: Dim.AUTO, 1: Dim.AUTO},)}
    return program(function, torch.rand(5, 3, 2), dynamic_shapes=sizes, alts=[Call((torch.rand(3, 4, 2),))])
