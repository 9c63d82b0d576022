//! The torch.export stack without Python: frontends, writers, the driver.

pub mod frontend;
