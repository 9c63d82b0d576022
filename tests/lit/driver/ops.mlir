// RUN: expc ops aten.linear.default --check-prefix=RULE
// RUN: expc ops aten.add_.Tensor --check-prefix=WRITES
// RUN: expc ops --missing --check-prefix=MISSING

// What becomes of an operator at each level, and with which operators expc cannot do something.
// RULE: aten.linear.default
// RULE: typed     by a rule
// RULE-NEXT: decomposed  core, by a rule
// WRITES: functionalized  becomes `aten.add.Tensor`
// MISSING-NOT: aten.linear.default
// MISSING: aten.flatten.using_names {{ *}}functionalized: a view to be read only: its dimensions have names
// MISSING: c10d_functional.broadcast.default {{ *}}decomposed: left: which processes take part
