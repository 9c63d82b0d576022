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

// Registers the op of that full name, unless it is registered already, with the dialect before the first dot, which must
// be a loaded extensible dialect. Returns false if it is not.
//
// MLIR must not have met the name before: it would keep the name as that of an unregistered op.
extern "C" bool expcRegisterDynamicOp(MlirContext context, MlirStringRef name) {
  llvm::StringRef fullName = unwrap(name);
  if (mlir::RegisteredOperationName::lookup(fullName, unwrap(context)))
    return true;
  auto [dialectNamespace, shortName] = fullName.split('.');
  mlir::Dialect *loaded = unwrap(context)->getLoadedDialect(dialectNamespace);
  auto *dialect = llvm::dyn_cast_or_null<mlir::ExtensibleDialect>(loaded);
  if (!dialect)
    return false;
  auto accept = [](mlir::Operation *) { return mlir::success(); };
  dialect->registerDynamicOp(mlir::DynamicOpDefinition::get(shortName, dialect, accept, accept));
  return true;
}
