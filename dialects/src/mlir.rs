//! The parts of MLIR's C API that melior does not wrap, behind safe functions.
//!
//! All `unsafe` of the MLIR side is in this file.
//! Each function takes and returns melior's types, whose lifetimes tie IR objects to their context.

use std::{cell::RefCell, ffi::c_void};

use melior::{
    Context, ContextRef, RewriterBase, StringRef,
    dialect::DialectHandle,
    ir::{
        Attribute, AttributeLike, Identifier, Location, Module, Operation, Type, TypeLike, Value,
        ValueLike,
        block::BlockArgument,
        operation::{OperationBuilder, OperationLike, OperationRef, OperationResult},
        r#type::{RankedTensorType, ShapedTypeLike},
    },
};
use mlir_sys::{
    MlirAttribute, MlirContext, MlirStringRef, MlirType, mlirAttributeIsADenseBoolArray,
    mlirAttributeIsADenseF64Array, mlirAttributeIsAFlatSymbolRef, mlirAttributeIsAString,
    mlirAttributeIsAUnit, mlirBlockInsertOwnedOperationBefore, mlirComplexTypeGet,
    mlirComplexTypeGetElementType, mlirDenseArrayGetNumElements, mlirDenseBoolArrayGet,
    mlirDenseBoolArrayGetElement, mlirDenseF64ArrayGet, mlirDenseF64ArrayGetElement,
    mlirDictionaryAttrGet, mlirDictionaryAttrGetElement, mlirDictionaryAttrGetNumElements,
    mlirFlatSymbolRefAttrGetValue, mlirGetDialectHandle__irdl__, mlirIdentifierGet,
    mlirIdentifierStr, mlirLocationFusedGetMetadata, mlirNamedAttributeGet,
    mlirOpOperandGetNextUse, mlirOpOperandGetOwner, mlirOpOperandIsNull, mlirOpPrintingFlagsCreate,
    mlirOpPrintingFlagsDestroy, mlirOpPrintingFlagsElideLargeElementsAttrs,
    mlirOpPrintingFlagsEnableDebugInfo, mlirOpPrintingFlagsPrintNameLocAsPrefix,
    mlirOpPrintingFlagsUseLocalScope, mlirOperationClone, mlirOperationDestroy,
    mlirOperationGetBlock, mlirOperationGetContext, mlirOperationPrintWithFlags,
    mlirOperationRemoveAttributeByName, mlirOperationSetAttributeByName, mlirOperationSetOperand,
    mlirShapedTypeGetDimSize, mlirShapedTypeGetElementType, mlirShapedTypeIsDynamicSize,
    mlirStringAttrGetValue, mlirTypeIsABF16, mlirTypeIsAComplex, mlirTypeIsAF16, mlirTypeIsAF32,
    mlirTypeIsAF64, mlirTypeIsAFloat8E4M3FN, mlirTypeIsAFloat8E4M3FNUZ, mlirTypeIsAFloat8E5M2,
    mlirTypeIsAFloat8E5M2FNUZ, mlirTypeIsAFloat8E8M0FNU, mlirTypeIsAShaped,
    mlirUnrankedTensorTypeGet, mlirValueEqual, mlirValueGetFirstUse, mlirValueGetLocation,
    mlirValueReplaceAllUsesOfWith,
};

use rustc_hash::FxHashMap;

use crate::ScalarType;

unsafe extern "C" {
    fn expcRegisterDynamicOp(context: MlirContext, name: MlirStringRef) -> bool;
}

/// Registers an op with its dialect, if it is not yet; false if there is no such extensible dialect. MLIR lets the op
/// have any operands, results and attributes.
pub fn register_dynamic_op(context: &Context, name: &str) -> bool {
    // SAFETY: the context is live, and MLIR copies the name.
    unsafe { expcRegisterDynamicOp(context.to_raw(), StringRef::new(name).to_raw()) }
}

/// The handle of the `irdl` dialect.
pub fn irdl_dialect() -> DialectHandle {
    // SAFETY: the function returns a pointer to a static object.
    unsafe { DialectHandle::from_raw(mlirGetDialectHandle__irdl__()) }
}

/// The metadata attribute of a fused location, or none where it has none or is no fused location.
pub fn fused_metadata<'c>(location: Location<'c>) -> Option<Attribute<'c>> {
    if !location.is_fused() {
        return None;
    }
    // SAFETY: the kind was checked; MLIR returns null where there is no metadata.
    unsafe { Attribute::from_option_raw(mlirLocationFusedGetMetadata(location.to_raw())) }
}

/// `complex<element>`; `element` must be a float type.
pub fn complex_type<'c>(element: Type<'c>) -> Type<'c> {
    // SAFETY: `element` is a live type of its context; a complex type of a float type is valid.
    unsafe { Type::from_raw(mlirComplexTypeGet(element.to_raw())) }
}

/// The element type of a complex type.
pub fn complex_element<'c>(r#type: Type<'c>) -> Option<Type<'c>> {
    // SAFETY: the kind is checked before the element is asked for.
    unsafe {
        mlirTypeIsAComplex(r#type.to_raw())
            .then(|| Type::from_raw(mlirComplexTypeGetElementType(r#type.to_raw())))
    }
}

/// The dtype of an MLIR float type.
pub fn float_dtype(r#type: Type<'_>) -> Option<ScalarType> {
    type Predicate = unsafe extern "C" fn(MlirType) -> bool;
    const KINDS: &[(Predicate, ScalarType)] = &[
        (mlirTypeIsAF32, ScalarType::Float32),
        (mlirTypeIsAF64, ScalarType::Float64),
        (mlirTypeIsAF16, ScalarType::Float16),
        (mlirTypeIsABF16, ScalarType::BFloat16),
        (mlirTypeIsAFloat8E4M3FN, ScalarType::Float8E4M3Fn),
        (mlirTypeIsAFloat8E5M2, ScalarType::Float8E5M2),
        (mlirTypeIsAFloat8E4M3FNUZ, ScalarType::Float8E4M3FnUz),
        (mlirTypeIsAFloat8E5M2FNUZ, ScalarType::Float8E5M2FnUz),
        (mlirTypeIsAFloat8E8M0FNU, ScalarType::Float8E8M0Fnu),
    ];
    KINDS
        .iter()
        // SAFETY: the predicates accept every live type.
        .find(|(is_kind, _)| unsafe { is_kind(r#type.to_raw()) })
        .map(|(_, dtype)| *dtype)
}

/// `tensor<*xelement>`; `element` must be a valid tensor element type.
pub fn unranked_tensor_type<'c>(element: Type<'c>) -> Type<'c> {
    // SAFETY: `element` is a live type of its context and one of the tensor element types.
    unsafe { Type::from_raw(mlirUnrankedTensorTypeGet(element.to_raw())) }
}

/// The element type of any tensor type.
pub fn shaped_element<'c>(r#type: Type<'c>) -> Option<Type<'c>> {
    // SAFETY: the kind is checked before the element is asked for.
    unsafe {
        mlirTypeIsAShaped(r#type.to_raw())
            .then(|| Type::from_raw(mlirShapedTypeGetElementType(r#type.to_raw())))
    }
}

/// The size of a dimension of a ranked tensor type, or none if it is dynamic.
pub fn dimension(tensor: &RankedTensorType<'_>, index: usize) -> Option<i64> {
    if index >= tensor.rank() {
        return None;
    }
    // SAFETY: the type is ranked and the position is below the rank.
    unsafe {
        let size = mlirShapedTypeGetDimSize(tensor.to_raw(), index as isize);
        (!mlirShapedTypeIsDynamicSize(size)).then_some(size)
    }
}

/// `array<f64: …>`.
pub fn dense_f64_array<'c>(context: &'c Context, values: &[f64]) -> Attribute<'c> {
    // SAFETY: pointer and length describe `values`, which MLIR copies.
    unsafe {
        Attribute::from_raw(mlirDenseF64ArrayGet(
            context.to_raw(),
            values.len() as isize,
            values.as_ptr(),
        ))
    }
}

/// The elements of an `array<f64: …>`.
pub fn dense_f64_elements(attribute: Attribute<'_>) -> Option<Vec<f64>> {
    // SAFETY: the kind is checked first and the positions are below the length.
    unsafe {
        let raw = attribute.to_raw();
        mlirAttributeIsADenseF64Array(raw).then(|| {
            (0..mlirDenseArrayGetNumElements(raw))
                .map(|index| mlirDenseF64ArrayGetElement(raw, index))
                .collect()
        })
    }
}

/// `array<i1: …>`.
pub fn dense_bool_array<'c>(context: &'c Context, values: &[bool]) -> Attribute<'c> {
    let values: Vec<i32> = values.iter().map(|value| i32::from(*value)).collect();
    // SAFETY: pointer and length describe `values`, which MLIR copies.
    unsafe {
        Attribute::from_raw(mlirDenseBoolArrayGet(
            context.to_raw(),
            values.len() as isize,
            values.as_ptr(),
        ))
    }
}

/// The elements of an `array<i1: …>`.
pub fn dense_bool_elements(attribute: Attribute<'_>) -> Option<Vec<bool>> {
    // SAFETY: the kind is checked first and the positions are below the length.
    unsafe {
        let raw = attribute.to_raw();
        mlirAttributeIsADenseBoolArray(raw).then(|| {
            (0..mlirDenseArrayGetNumElements(raw))
                .map(|index| mlirDenseBoolArrayGetElement(raw, index))
                .collect()
        })
    }
}

/// The text of a string attribute; melior's accessor does not bear the empty string.
pub fn string_text(attribute: Attribute<'_>) -> Option<String> {
    // SAFETY: the kind is checked before the value is asked for; the text is copied at once.
    unsafe {
        let raw = attribute.to_raw();
        mlirAttributeIsAString(raw).then(|| to_string(mlirStringAttrGetValue(raw)))
    }
}

/// The symbol of a flat symbol reference, without `@`.
pub fn symbol_text(attribute: Attribute<'_>) -> Option<String> {
    // SAFETY: the kind is checked before the value is asked for; the text is copied at once.
    unsafe {
        let raw = attribute.to_raw();
        mlirAttributeIsAFlatSymbolRef(raw).then(|| to_string(mlirFlatSymbolRefAttrGetValue(raw)))
    }
}

/// The text of an identifier.
pub fn identifier_text(identifier: Identifier<'_>) -> String {
    // SAFETY: identifiers live as long as their context; the text is copied at once.
    unsafe { to_string(mlirIdentifierStr(identifier.to_raw())) }
}

/// Whether the attribute is `unit`.
pub fn is_unit(attribute: Attribute<'_>) -> bool {
    // SAFETY: the predicate accepts every live attribute.
    unsafe { mlirAttributeIsAUnit(attribute.to_raw()) }
}

/// A dictionary attribute; MLIR sorts it by key.
pub fn dictionary<'c>(context: &'c Context, entries: &[(&str, Attribute<'c>)]) -> Attribute<'c> {
    // SAFETY: identifiers and attributes belong to `context`; MLIR copies the array.
    unsafe {
        let entries: Vec<_> = entries
            .iter()
            .map(|(key, value)| {
                mlirNamedAttributeGet(
                    mlirIdentifierGet(context.to_raw(), StringRef::new(key).to_raw()),
                    value.to_raw(),
                )
            })
            .collect();
        Attribute::from_raw(mlirDictionaryAttrGet(
            context.to_raw(),
            entries.len() as isize,
            entries.as_ptr(),
        ))
    }
}

/// The entries of a dictionary attribute, sorted by key.
pub fn dictionary_entries<'c>(attribute: Attribute<'c>) -> Option<Vec<(String, Attribute<'c>)>> {
    if !attribute.is_dictionary() {
        return None;
    }
    // SAFETY: the kind was checked and the positions are below the length.
    unsafe {
        let raw: MlirAttribute = attribute.to_raw();
        Some(
            (0..mlirDictionaryAttrGetNumElements(raw))
                .map(|index| {
                    let entry = mlirDictionaryAttrGetElement(raw, index);
                    let key = to_string(mlirIdentifierStr(entry.name));
                    (key, Attribute::from_raw(entry.attribute))
                })
                .collect(),
        )
    }
}

thread_local! {
    /// A place for melior's handle of each context that [`context_of`] was asked for on this thread.
    static CONTEXTS: RefCell<FxHashMap<usize, &'static ContextRef<'static>>> = RefCell::default();
}

/// The context of an op, for as long as its IR may live.
///
/// Melior makes a `&Context` out of the address of its handle, so the handle needs a place that stays: one
/// pointer per context and thread, which is never freed.
pub fn context_of<'c>(op: OperationRef<'c, '_>) -> &'c Context {
    // SAFETY: the op is live.
    let raw = unsafe { mlirOperationGetContext(op.to_raw()) };
    CONTEXTS.with_borrow_mut(|contexts| {
        let handle = contexts.entry(raw.ptr as usize).or_insert_with(|| {
            // SAFETY: the handle only names the context; what is made of it below lives no longer than `'c`.
            Box::leak(Box::new(unsafe { ContextRef::from_raw(raw) }))
        });
        // SAFETY: the handle stays where it is, and IR of lifetime `'c` borrows its context for `'c`.
        unsafe { handle.to_ref() }
    })
}

/// Inserts an op before another one, through a rewriter that tells the pattern driver of it.
pub fn insert_before<'c, 'a>(
    rewriter: &RewriterBase<'c, 'a>,
    anchor: OperationRef<'c, 'a>,
    operation: Operation<'c>,
) -> OperationRef<'c, 'a> {
    rewriter.set_insertion_point_before(anchor);
    let inserted = rewriter.insert(operation);
    // SAFETY: the op now lives in the block of `anchor`, as long as the IR does; melior ties it to the
    // borrow of the rewriter only because it cannot express that.
    unsafe { OperationRef::from_raw(inserted.to_raw()) }
}

/// Sets the type of a `func.func`.
pub fn set_function_type<'c>(
    function: OperationRef<'c, '_>,
    inputs: &[Type<'c>],
    results: &[Type<'c>],
) {
    let attribute = crate::program::function_type(context_of(function), inputs, results);
    // SAFETY: the op and the attribute are live and of one context.
    unsafe {
        mlirOperationSetAttributeByName(
            function.to_raw(),
            StringRef::new("function_type").to_raw(),
            attribute.to_raw(),
        );
    }
}

/// Inserts an op before another one of the same block.
pub fn insert_op_before<'c, 'a>(
    anchor: OperationRef<'c, 'a>,
    operation: Operation<'c>,
) -> OperationRef<'c, 'a> {
    // SAFETY: the anchor is live and in a block, which takes ownership of the op; the op then lives as long as
    // the IR does.
    unsafe {
        let raw = operation.into_raw();
        mlirBlockInsertOwnedOperationBefore(
            mlirOperationGetBlock(anchor.to_raw()),
            anchor.to_raw(),
            raw,
        );
        OperationRef::from_raw(raw)
    }
}

/// Inserts a copy of an op, with the same operands, before another one.
pub fn insert_copy_before<'c, 'a>(
    anchor: OperationRef<'c, 'a>,
    operation: OperationRef<'c, 'a>,
) -> OperationRef<'c, 'a> {
    // SAFETY: the op is live; its copy is nobody's until it is inserted below.
    let copy = unsafe { Operation::from_raw(mlirOperationClone(operation.to_raw())) };
    insert_op_before(anchor, copy)
}

/// Makes all readers of a value read another one.
pub fn replace_uses<'c>(value: Value<'c, '_>, by: Value<'c, '_>) {
    // SAFETY: both values are live and of one context.
    unsafe { mlirValueReplaceAllUsesOfWith(value.to_raw(), by.to_raw()) }
}

/// Makes an op read another value.
pub fn set_operand<'c, 'a>(operation: OperationRef<'c, 'a>, index: usize, value: Value<'c, 'a>) {
    if index < operation.operand_count() {
        // SAFETY: op and value are live and of one context, and the position is below the count.
        unsafe { mlirOperationSetOperand(operation.to_raw(), index as isize, value.to_raw()) }
    }
}

/// Sets an attribute of an op.
pub fn set_attribute<'c>(operation: OperationRef<'c, '_>, name: &str, attribute: Attribute<'c>) {
    let name = StringRef::new(name);
    // SAFETY: op and attribute are live and of one context, and MLIR copies the name.
    unsafe {
        mlirOperationSetAttributeByName(operation.to_raw(), name.to_raw(), attribute.to_raw());
    }
}

/// Removes an op whose results nobody uses; others are left. No reference to the op may be used afterwards.
pub fn erase_unused(operation: OperationRef<'_, '_>) {
    if operation.results().all(|result| is_unused(result.into())) {
        // SAFETY: the op is live, and nothing in the IR refers to it.
        unsafe { mlirOperationDestroy(operation.to_raw()) }
    }
}

/// Puts another `func.return` in the place of one.
pub fn replace_return<'c, 'a>(
    terminator: OperationRef<'c, 'a>,
    values: &[Value<'c, 'a>],
) -> Option<OperationRef<'c, 'a>> {
    let operation = OperationBuilder::new("func.return", terminator.location())
        .add_operands(values)
        .build()
        .ok()?;
    let inserted = insert_op_before(terminator, operation);
    erase_unused(terminator);
    Some(inserted)
}

/// Sets the signature of a `func.func`.
pub fn set_signature(function: OperationRef<'_, '_>, signature: &crate::Signature) {
    let attributes = signature.to_attributes(context_of(function));
    let set = |name: &str, value: Option<Attribute<'_>>| {
        let name = StringRef::new(name);
        // SAFETY: the op and the attribute are live and of one context.
        unsafe {
            match value {
                Some(value) => {
                    mlirOperationSetAttributeByName(
                        function.to_raw(),
                        name.to_raw(),
                        value.to_raw(),
                    );
                }
                None => _ = mlirOperationRemoveAttributeByName(function.to_raw(), name.to_raw()),
            }
        }
    };
    set("arg_attrs", Some(attributes.arg_attrs));
    set("res_attrs", Some(attributes.res_attrs));
    set(
        crate::program::attribute::CONSTANT_INPUTS,
        attributes.constant_inputs,
    );
    set(
        crate::program::attribute::CONSTANT_OUTPUTS,
        attributes.constant_outputs,
    );
}

/// Sets attributes on a module.
pub fn set_module_attributes<'c>(module: &Module<'c>, attributes: &[(&str, Attribute<'c>)]) {
    for (name, value) in attributes {
        // SAFETY: the module and the attribute are live and of one context; `Module` does not hand out
        // references that an attribute change would invalidate.
        unsafe {
            mlirOperationSetAttributeByName(
                module.as_operation().to_raw(),
                StringRef::new(name).to_raw(),
                value.to_raw(),
            );
        }
    }
}

/// Whether a value has no use.
pub fn is_unused(value: Value<'_, '_>) -> bool {
    // SAFETY: `value` is live.
    unsafe { mlirOpOperandIsNull(mlirValueGetFirstUse(value.to_raw())) }
}

/// The ops that use a value, an op once for each use.
pub fn users<'c, 'a>(value: Value<'c, 'a>) -> Vec<OperationRef<'c, 'a>> {
    let mut users = Vec::new();
    // SAFETY: `value` is live, its uses are live ops of the same context that outlive the value, and nothing
    // changes the list of uses while it is walked.
    unsafe {
        let mut operand = mlirValueGetFirstUse(value.to_raw());
        while !mlirOpOperandIsNull(operand) {
            users.push(OperationRef::from_raw(mlirOpOperandGetOwner(operand)));
            operand = mlirOpOperandGetNextUse(operand);
        }
    }
    users
}

/// The op that a value is a result of; none for block arguments.
pub fn producer<'c: 'a, 'a>(value: Value<'c, 'a>) -> Option<OperationRef<'c, 'a>> {
    as_result(value).map(|result| result.owner())
}

/// Whether an op has this name.
pub fn is_named(operation: OperationRef<'_, '_>, name: &str) -> bool {
    operation.name().as_string_ref().as_str() == Ok(name)
}

/// The location of a value: that of the op or of the block argument.
pub fn value_location<'c>(value: Value<'c, '_>) -> Location<'c> {
    // SAFETY: `value` is live, and locations live as long as the context.
    unsafe { Location::from_raw(mlirValueGetLocation(value.to_raw())) }
}

/// Whether two values are the same SSA value.
pub fn same_value(left: Value<'_, '_>, right: Value<'_, '_>) -> bool {
    // SAFETY: both are live.
    unsafe { mlirValueEqual(left.to_raw(), right.to_raw()) }
}

/// The result of an op that a value is. A conversion that fails prints the value, and with it the whole graph, into
/// its error; this asks first.
pub fn as_result<'c, 'a>(value: Value<'c, 'a>) -> Option<OperationResult<'c, 'a>> {
    value
        .is_operation_result()
        .then(|| OperationResult::try_from(value).ok())
        .flatten()
}

/// The argument of a block that a value is; asks first, as [`as_result`] does.
pub fn as_block_argument<'c, 'a>(value: Value<'c, 'a>) -> Option<BlockArgument<'c, 'a>> {
    value
        .is_block_argument()
        .then(|| BlockArgument::try_from(value).ok())
        .flatten()
}

/// A key that is equal for equal values and unique among the live values of a context.
pub fn value_key(value: Value<'_, '_>) -> usize {
    value.to_raw().ptr as usize
}

/// How to print a module.
#[derive(Clone, Copy, Debug, Default)]
pub struct PrintOptions {
    /// Print `loc(…)` after each op and argument, so that the text carries names and stack lines.
    pub locations: bool,
    /// Elide element attributes with more elements than this.
    pub elide_elements_above: Option<usize>,
}

/// The text of an operation, its values named after their FX nodes.
pub fn print_operation<'c: 'a, 'a>(
    operation: &impl OperationLike<'c, 'a>,
    options: PrintOptions,
) -> String {
    let mut text = String::new();
    // SAFETY: the flags live until destroyed below; the callback gets the address of `text`, which
    // outlives the call, and does not unwind.
    unsafe {
        let flags = mlirOpPrintingFlagsCreate();
        mlirOpPrintingFlagsPrintNameLocAsPrefix(flags);
        if options.locations {
            mlirOpPrintingFlagsEnableDebugInfo(flags, true, false);
        } else {
            mlirOpPrintingFlagsUseLocalScope(flags);
        }
        if let Some(limit) = options.elide_elements_above {
            mlirOpPrintingFlagsElideLargeElementsAttrs(flags, limit as isize);
        }
        mlirOperationPrintWithFlags(
            operation.to_raw(),
            flags,
            Some(append),
            (&raw mut text).cast::<c_void>(),
        );
        mlirOpPrintingFlagsDestroy(flags);
    }
    text
}

unsafe extern "C" fn append(chunk: MlirStringRef, text: *mut c_void) {
    // SAFETY: `text` is the `String` whose address `print_operation` passed; the chunk is valid for
    // the call.
    unsafe { (*text.cast::<String>()).push_str(&to_string(chunk)) }
}

/// # Safety
///
/// The string must point to valid memory of its length.
unsafe fn to_string(string: MlirStringRef) -> String {
    if string.length == 0 {
        return String::new();
    }
    // SAFETY: the caller vouches for pointer and length.
    let bytes = unsafe { std::slice::from_raw_parts(string.data.cast::<u8>(), string.length) };
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}
