// RUN: not expc opt %S/no_such_file.pt2 2>&1
// RUN: not expc opt %s --emit mlir -o %S/no/such/folder.mlir 2>&1 --check-prefix=WRITE

// Faults of files are diagnostics.
// CHECK: {{^}}error[E
// CHECK-SAME: no_such_file.pt2` cannot be read
// WRITE: {{^}}error[E
// WRITE: folder.mlir
func.func @main() {
  return
}
