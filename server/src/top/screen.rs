//! The screen of a terminal, which is given back as it was.

use std::io::{self, Write, stdout};

use rustix::termios::tcgetwinsize;

/// Goes to the other screen of the terminal, and hides the cursor.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
/// Goes back.
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";
/// Goes to the first line.
const HOME: &str = "\u{1b}[H";
/// Clears what is left of a line.
const CLEAR_LINE: &str = "\u{1b}[K";
/// Clears what is below.
const CLEAR_BELOW: &str = "\u{1b}[J";

/// The lines and columns of a terminal that does not tell.
const USUAL: (usize, usize) = (24, 80);

/// The screen; given back when this is dropped.
#[derive(Debug)]
pub struct Screen(());

impl Screen {
    /// Takes the screen.
    ///
    /// # Errors
    /// The terminal is closed.
    pub fn enter() -> io::Result<Self> {
        let screen = Self(());
        write(ENTER)?;
        Ok(screen)
    }

    /// Shows a text from the first line on, as far as there is room.
    ///
    /// # Errors
    /// The terminal is closed.
    pub fn show(text: &str) -> io::Result<()> {
        let size = tcgetwinsize(stdout()).ok().map(|size| (usize::from(size.ws_row), usize::from(size.ws_col)));
        write(&painted(text, size.filter(|(lines, columns)| *lines > 0 && *columns > 0).unwrap_or(USUAL)))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        // A terminal that is closed needs nothing back.
        let _ = write(LEAVE);
    }
}

/// The text over what was shown before: painting each line whole does not flicker.
fn painted(text: &str, (lines, columns): (usize, usize)) -> String {
    let shown: Vec<_> = text
        .lines()
        .take(lines.saturating_sub(1))
        .map(|line| line.chars().take(columns).collect::<String>() + CLEAR_LINE)
        .collect();
    format!("{HOME}{}\r\n{CLEAR_BELOW}", shown.join("\r\n"))
}

fn write(text: &str) -> io::Result<()> {
    let mut out = stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_to_the_screen() {
        let painted = painted("first line\nsecond\nthird\nfourth", (3, 5));
        assert_eq!(painted, "\u{1b}[Hfirst\u{1b}[K\r\nsecon\u{1b}[K\r\n\u{1b}[J");
    }
}
