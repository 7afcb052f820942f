//! The bytes that a browser may have to load, with brotli. The build prints and keeps them.

use anyhow::{Result, ensure};

/// All scripts and the WebAssembly.
const CODE: usize = 150_000;
/// The style sheet.
const STYLE: usize = 15_000;

/// The bytes that the files of a build take.
#[derive(Debug, Default)]
pub struct Budget {
    code: usize,
    style: usize,
}

impl Budget {
    /// Counts a file with so many bytes.
    pub fn add(&mut self, extension: &str, bytes: usize) {
        match extension {
            "css" => self.style += bytes,
            _ => self.code += bytes,
        }
    }

    /// Prints what is used.
    ///
    /// # Errors
    /// It is more than there is.
    pub fn check(&self) -> Result<()> {
        for (name, used, most) in [("scripts and WebAssembly", self.code, CODE), ("style sheet", self.style, STYLE)] {
            eprintln!("   {name}: {used} of {most} bytes, brotli");
            ensure!(used <= most, "{name}: {used} bytes with brotli are more than the budget of {most}");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_beyond_a_budget_fails() {
        let mut budget = Budget::default();
        budget.add("js", 6_000);
        budget.add("wasm", CODE - 6_000);
        budget.add("css", STYLE);
        budget.check().expect("within the budget");
        budget.add("js", 1);
        assert!(budget.check().is_err());
    }
}
