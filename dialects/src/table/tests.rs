use super::*;

#[test]
fn every_entry_decodes() {
    assert_eq!(defs().count(), all_names().count());
}
