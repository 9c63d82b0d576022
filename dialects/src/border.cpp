// Registers dynamic ops with MLIR: the one thing that neither the C API nor IRDL offers.
//
// IRDL can define ops with a variadic number of operands, but a constraint variable of IRDL binds to the
// first type it meets, so all operands of one group would need the same type. The dynamic ops below take
// any operands, results, attributes and regions; expc's own verifier checks them against the schema.

#include "mlir-c/IR.h"
#include "mlir/CAPI/IR.h"
#include "mlir/CAPI/Support.h"
#include "mlir/IR/ExtensibleDialect.h"
#include "mlir/IR/MLIRContext.h"

// Registers `count` ops with the dialect of that namespace, which must be a loaded extensible dialect.
// Returns false if it is not.
extern "C" bool expcRegisterDynamicOps(MlirContext context, MlirStringRef dialectNamespace,
                                       const MlirStringRef *names, intptr_t count) {
  mlir::Dialect *loaded = unwrap(context)->getLoadedDialect(unwrap(dialectNamespace));
  auto *dialect = llvm::dyn_cast_or_null<mlir::ExtensibleDialect>(loaded);
  if (!dialect)
    return false;
  for (intptr_t index = 0; index < count; ++index) {
    auto accept = [](mlir::Operation *) { return mlir::success(); };
    dialect->registerDynamicOp(
        mlir::DynamicOpDefinition::get(unwrap(names[index]), dialect, accept, accept));
  }
  return true;
}
