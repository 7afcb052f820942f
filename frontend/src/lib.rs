//! The entry of the browser side.

use wasm_bindgen::prelude::wasm_bindgen;

// Without a use of the crate its islands are not linked, and vanish without a word.
use signet_app as _;

/// Makes the browser ready for the islands, which the page then starts one by one.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
