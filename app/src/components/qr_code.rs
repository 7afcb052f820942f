//! A QR code, drawn on the server: one path of squares, without a script, a style or an image.

use std::fmt::Write as _;

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

/// The white border that cameras need, in squares (ISO/IEC 18004).
const BORDER: i32 = 4;

/// The text as a QR code, with a name for people who do not see it; nothing if the text is too
/// long for one.
pub(crate) fn qr_code(text: &str, name: &'static str) -> Option<impl IntoView + use<>> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let size = code.size() + 2 * BORDER;
    Some(view! {
        <svg class="qr-code" role="img" aria-label=name viewBox=format!("0 0 {size} {size}") shape-rendering="crispEdges">
            <rect width=size height=size fill="#fff" />
            <path d=squares(&code) fill="#000" />
        </svg>
    })
}

/// The dark squares as a path: each run of a row is one rectangle.
fn squares(code: &QrCode) -> String {
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let run = (x..code.size()).take_while(|&at| code.get_module(at, y)).count();
            let run = i32::try_from(run).unwrap_or_default();
            if run > 0 {
                // Writing to a text does not fail.
                let _ = write!(path, "M{},{}h{run}v1h-{run}z", x + BORDER, y + BORDER);
            }
            x += run + 1;
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_dark_square_is_in_the_path_once() {
        let code = QrCode::encode_text("otpauth://totp/a", QrCodeEcc::Medium).expect("a code");
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|&(x, y)| code.get_module(x, y)).count();
        let path = squares(&code);
        let runs = path.split('h').skip(1).filter_map(|rest| rest.split('v').next()?.parse::<usize>().ok());
        assert_eq!(runs.sum::<usize>(), dark);
    }
}
