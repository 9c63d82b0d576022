//! Tests of `pickle`.

use super::*;

/// One storage `0` of 24 bytes.
#[derive(Default)]
struct OneStorage {
    typed: Option<ScalarType>,
}

impl Host for OneStorage {
    fn storage(
        &mut self,
        key: &str,
        _: Option<ScalarType>,
        declared: u64,
    ) -> Result<StorageId, PickleFault> {
        if key != "0" {
            return Err(PickleFault::MissingStorage {
                key: key.to_owned(),
            });
        }
        if declared > 24 {
            return Err(PickleFault::ShortStorage {
                key: key.to_owned(),
                declared,
                found: 24,
            });
        }
        Ok(StorageId(0))
    }

    fn storage_len(&self, _: StorageId) -> u64 {
        24
    }

    fn typed(&mut self, _: StorageId, dtype: ScalarType) {
        self.typed = Some(dtype);
    }
}

fn read(pickle: &[u8]) -> Result<Value, PickleError> {
    load(pickle, &Limits::default(), &mut OneStorage::default())
}

/// `expected` is the value in Python's spelling, or the message of the error.
#[track_caller]
fn check(body: &[u8], expected: &str) {
    let pickle = [b"\x80\x02", body, b"."].concat();
    let found = read(&pickle).map_or_else(|error| error.to_string(), |value| value.to_string());
    assert_eq!(found, expected);
}

fn text(text: &str) -> Vec<u8> {
    [
        b"X",
        &(text.len() as u32).to_le_bytes()[..],
        text.as_bytes(),
    ]
    .concat()
}

fn concat(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// A float tensor on storage `0` with sizes, strides and offset of one byte each.
fn tensor(sizes: &[u8], strides: &[u8], offset: u8, count: u8) -> Vec<u8> {
    let ints = |values: &[u8]| {
        let items: Vec<u8> = values.iter().flat_map(|&value| [b'K', value]).collect();
        concat(&[b"(", &items, b"t"])
    };
    concat(&[
        b"ctorch._utils\n_rebuild_tensor_v2\n((",
        &text("storage"),
        b"ctorch\nFloatStorage\n",
        &text("0"),
        &text("cpu"),
        &[b'K', count],
        b"tQ",
        &[b'K', offset],
        &ints(sizes),
        &ints(strides),
        b"\x89ccollections\nOrderedDict\n)RtR",
    ])
}

#[test]
fn scalars_and_strings() {
    check(b"N", "None");
    check(b"\x88", "True");
    check(b"K\xff", "255");
    check(b"M\xff\xff", "65535");
    check(b"J\xff\xff\xff\xff", "-1");
    check(b"\x8a\x00", "0");
    check(b"\x8a\x01\xff", "-1");
    check(b"\x8a\x08\0\0\0\0\0\0\0\x80", "-9223372036854775808");
    check(
        b"\x8a\x09\0\0\0\0\0\0\0\x80\0",
        "byte 2: an int of 9 bytes does not fit into 64 bits",
    );
    check(b"\x8a\x09\xff\xff\xff\xff\xff\xff\xff\xff\xff", "-1");
    check(b"G\x3f\xe0\0\0\0\0\0\0", "0.5");
    check(&text("it"), "'it'");
    check(b"\x8c\x02hi", "'hi'");
    check(b"C\x02\x00a", "b'\\x00a'");
    check(b"X\x01\0\0\0\xff", "byte 2: the text is not UTF-8");
}

#[test]
fn containers_and_memo() {
    check(b"}q\0(K\x01K\x02K\x03]u", "{1: 2, 3: []}");
    check(
        b"]q\0(K\x01h\0e",
        "`[1]`: values are nested more than 128 deep",
    );
    check(b"]\x94K\x05a", "[5]");
    check(b"(K\x01K\x02t\x94h\0\x86", "((1, 2), (1, 2))");
    check(b"(K\x01K\x02t\x940h\0\x85", "((1, 2),)");
    check(b"\x8f(K\x01\x90", "{1}");
    check(b"(K\x01K\x02d", "{1: 2}");
    check(b"(K\x01K\x02l", "[1, 2]");
    check(b"K\x01K\x02K\x03\x87", "(1, 2, 3)");
    check(b"K\x010", "byte 5: the stack is empty");
    check(b"K\x01(1", "1");
}

#[test]
fn protocol_4_with_frames_and_stack_globals() {
    let body = concat(&[b"\x80\x04\x95\x40\0\0\0\0\0\0\0}\x94(\x8c\x01d\x94\x8c\x05torch\x94\x8c\x07float16\x94\x93\x94u."]);
    assert_eq!(
        read(&body).expect("a value").to_string(),
        "{'d': torch.float16}"
    );
}

#[test]
fn plain_classes() {
    check(b"ccollections\nOrderedDict\n)R(K\x01K\x02u}b", "{1: 2}");
    check(
        b"ccollections\nOrderedDict\n](K\x01K\x02\x86e\x85R",
        "{1: 2}",
    );
    check(
        b"ccollections\ndefaultdict\nc__builtin__\nlist\n\x85RK\x01K\x02s",
        "{1: 2}",
    );
    check(b"ccollections\ndeque\n)K\x05\x86R(K\x01e", "[1]");
    check(b"c__builtin__\nset\n](K\x01e\x85R", "{1}");
    check(
        b"cbuiltins\ncomplex\nG\x3f\xf0\0\0\0\0\0\0K\x02\x86R",
        "(1.0+2.0j)",
    );
    check(b"cbuiltins\nslice\nNK\x02N\x87R", "slice(None, 2, None)");
    check(b"ctorch\nSize\nK\x01K\x02\x86\x85R", "torch.Size([1, 2])");
    check(
        &concat(&[b"ctorch\ndevice\n", &text("cuda"), b"K\x01\x86R"]),
        "device('cuda:1')",
    );
    check(
        &concat(&[
            b"ctorch.serialization\n_get_layout\n",
            &text("torch.strided"),
            b"\x85R",
        ]),
        "torch.strided",
    );
    check(
        &concat(&[
            b"c_codecs\nencode\n",
            &text("\u{ff}a"),
            &text("latin1"),
            b"\x86R",
        ]),
        "b'\\xffa'",
    );
    check(
        b"ctorch.jit._pickle\nbuild_intlist\n](K\x01K\x02e\x85R",
        "[1, 2]",
    );
}

#[test]
fn tensors_and_parameters() {
    check(&tensor(&[2, 3], &[3, 1], 0, 6), "tensor(float32, [2, 3])");
    let parameter = concat(&[
        b"ctorch._utils\n_rebuild_parameter\n(",
        &tensor(&[6], &[1], 0, 6),
        b"\x88NtR",
    ]);
    let pickle = concat(&[b"\x80\x02", &parameter, b"."]);
    let Ok(Value::Tensor(record)) = read(&pickle) else {
        panic!("{:?}", read(&pickle))
    };
    assert!(record.is_parameter && record.requires_grad);
    check(
        &concat(&[b"}", &text("w"), &tensor(&[2, 3], &[3, 1], 1, 6), b"s"]),
        "`w`: the storage has 24 bytes, and sizes [2, 3] with strides [3, 1] and offset 1 of `float32` need 28",
    );
    check(
        &concat(&[b"}", &text("w"), &tensor(&[2], &[1, 1], 0, 6), b"s"]),
        "`w`: 1 sizes but 2 strides",
    );
    check(
        &tensor(&[2], &[1], 0, 7),
        "byte 86: the storage `0` has 24 bytes, and the pickle says 28",
    );
}

#[test]
fn a_tensor_with_attributes_is_a_tensor() {
    let inner = tensor(&[2], &[1], 0, 6);
    let args = &inner[b"ctorch._utils\n_rebuild_tensor_v2\n".len()..inner.len() - 1];
    let body = concat(&[
        b"ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\nctorch\nTensor\n",
        args,
        b"}tR",
    ]);
    check(&body, "tensor(float32, [2])");
}

#[test]
fn views_that_negate_or_conjugate_are_refused_by_name() {
    let inner = tensor(&[2], &[1], 0, 6);
    let with_metadata = concat(&[&inner[..inner.len() - 2], b"}", &text("conj"), b"\x88stR"]);
    check(
        &concat(&[b"}", &text("z"), &with_metadata, b"s"]),
        "`z`: saved as a conjugated view, which is not supported",
    );
}

#[test]
fn script_objects_keep_class_and_state() {
    let body = concat(&[
        b"}",
        &text("s"),
        b"ctorch\nScriptObject\n)\x81K\x05",
        &text("__torch__.torch.classes.my.Class"),
        b"\x86bs",
    ]);
    check(&body, "{'s': __torch__.torch.classes.my.Class(5)}");
    check(
        b"c__torch__.torch.classes.my\nClass\n)\x81K\x05b",
        "__torch__.torch.classes.my.Class(5)",
    );
}

#[test]
fn other_globals_are_refused_by_name_and_place() {
    let system = b"cposix\nsystem\n";
    let call = concat(&[system, &text("echo"), b"\x85R"]);
    check(
        &call,
        "the pickle asks for `posix.system` (byte 2), which is refused",
    );
    check(
        &concat(&[b"}", &text("layer.weight"), &call, b"s"]),
        "`layer.weight`: the pickle asks for `posix.system` (byte 20), which is refused",
    );
    check(
        &concat(&[b"}", &text("a"), b"]", &call, b"as"]),
        "`a[0]`: the pickle asks for `posix.system` (byte 10), which is refused",
    );
    // Thrown away, it is still refused.
    check(
        &concat(&[&call, b"0N"]),
        "the pickle asks for `posix.system` (byte 2), which is refused",
    );
    check(
        b"c__builtin__\neval\n",
        "the pickle asks for `__builtin__.eval` (byte 2), which is refused",
    );
    check(
        &concat(&[b"}", &text("q"), b"ctorch._utils\n_rebuild_qtensor\n)Rs"]),
        "`q`: the pickle asks for `torch._utils._rebuild_qtensor` (byte 9), which is refused",
    );
    check(
        &concat(&[&text("posix"), &text("system"), b"\x93)R"]),
        "the pickle asks for `posix.system` (byte 23), which is refused",
    );
    check(
        b"cfoo\nBar\n)\x81}b",
        "the pickle asks for `foo.Bar` (byte 2), which is refused",
    );
}

#[test]
fn allowed_names_are_not_allowed_everything() {
    check(
        b"cbuiltins\nint\n",
        "the pickle holds `builtins.int` itself, expected data",
    );
    check(
        b"cbuiltins\nint\nK\x01\x85R",
        "byte 19: `builtins.int` with an int, expected that it is not called",
    );
    check(b"K\x01)R", "byte 5: cannot call an int");
    check(b"K\x01)\x81", "byte 5: cannot make an object of an int");
    check(b"K\x01}b", "byte 5: cannot set the state of an int");
    check(b"K\x01K\x02a", "byte 6: cannot add items to an int");
    check(
        b"ctorch._utils\n_rebuild_tensor_v2\n)R",
        "byte 36: `torch._utils._rebuild_tensor_v2` with no arguments, expected storage, offset, sizes, strides and what follows",
    );
    check(
        b"K\x01\x85Q",
        "byte 5: `persistent id` with an int, expected `storage`, a storage class, a key, a device and a count",
    );
}

#[test]
fn damage_is_located() {
    let error = |pickle: &[u8]| read(pickle).expect_err("an error").to_string();
    assert_eq!(error(b""), "byte 0: the pickle is cut short");
    assert_eq!(error(b"\x80\x02K"), "byte 2: the pickle is cut short");
    assert_eq!(
        error(b"\x80\x09."),
        "byte 0: pickle protocol 9 is not supported, expected 2 to 5"
    );
    assert_eq!(
        error(b"\x80\x02N.N"),
        "byte 3: 1 bytes follow the end of the pickle"
    );
    assert_eq!(
        error(b"\x80\x02ix\ny\n."),
        "byte 2: opcode 0x69 is not supported"
    );
    assert_eq!(error(b"\x80\x02h\x07."), "byte 2: memo 7 was never set");
    assert_eq!(error(b"\x80\x02t."), "byte 2: no mark on the stack");
    assert_eq!(
        error(b"\x80\x02\x8d\xff\xff\xff\xff\xff\xff\xff\xff."),
        "byte 2: the pickle is cut short"
    );
    assert_eq!(error(b"\x80\x02}(K\x01u."), "byte 6: the stack is empty");
}

#[test]
fn sharing_does_not_multiply() {
    // Each level is a pair of the level below, twice: 2^30 values from 30 levels.
    let body = concat(&[b"N", &b"2\x86".repeat(30)]);
    let limits = Limits {
        pickle_objects: 10_000,
        ..Limits::default()
    };
    let pickle = concat(&[b"\x80\x02", &body, b"."]);
    let error = load(&pickle, &limits, &mut OneStorage::default())
        .expect_err("too large")
        .to_string();
    assert_eq!(error, "the pickle unfolds into more than 10000 values");
    let objects = concat(&[b"\x80\x02", &b"N0".repeat(20_000), b"N."]);
    let error = load(&objects, &limits, &mut OneStorage::default())
        .expect_err("too many")
        .to_string();
    assert_eq!(
        error,
        "byte 20002: the pickle makes more than 10000 objects"
    );
}

#[test]
fn untyped_storages_learn_their_type() {
    let body = concat(&[
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v3\n((",
        &text("storage"),
        b"ctorch.storage\nUntypedStorage\n",
        &text("0"),
        &text("cpu"),
        b"K\x08tQK\0K\x04\x85K\x01\x85\x89Nctorch\nuint16\ntR.",
    ]);
    let mut host = OneStorage::default();
    let value = load(&body, &Limits::default(), &mut host).expect("a tensor");
    assert_eq!(value.to_string(), "tensor(uint16, [4])");
    assert_eq!(host.typed, Some(ScalarType::U16));
}
