//! Panics of runs that are tries: what they say is in a diagnostic, or says nothing.

use std::{cell::Cell, panic, sync::Once};

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

static HOOK: Once = Once::new();

/// Runs `body`; its panics write no message. Those of other threads do what they did.
pub(super) fn quietly<T>(body: impl FnOnce() -> T) -> T {
    /// Also after a panic.
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            IS_QUIET.set(self.0);
        }
    }
    HOOK.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_QUIET.get() {
                others(info);
            }
        }));
    });
    let _restore = Restore(IS_QUIET.replace(true));
    body()
}
