//! The entry point of the browser side.

use wasm_bindgen::prelude::wasm_bindgen;

// The linker silently drops the islands of a crate that is not used.
use signet_app as _;

/// Has the islands of a page in a frame call the server as such.
#[wasm_bindgen]
pub fn in_frame() {
    leptos::server_fn::client::set_server_url("/framed");
}

/// Prepares hydration; the page then starts its islands one by one.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
