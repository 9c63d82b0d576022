// RUN: not expc exportdb dictionaries 2>&1

// A name that is none is refused with the one that was meant.
// CHECK: error[E0698]: there is no example `dictionaries`
// CHECK: did you mean `dictionary`?
