//! The only code that also runs in the browser. Every island is also rendered on
//! the server, and works there as a form or as plain content.

mod copy;
mod delivery_list;
mod passkey;
mod secret;

pub use copy::CopyButton;
pub use delivery_list::{DeliveryList, DeliveryRow, LogQuery};
pub use passkey::{PASSKEY_ANSWER, PasskeyButton};
pub use secret::StoredSecret;
