//! The terminal view of `signet top`.

mod frame;
mod reader;
mod screen;

pub use frame::Frame;
pub use reader::{Activity, Reader};
pub use screen::Screen;
