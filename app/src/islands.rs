//! The only code that also runs in the browser.
