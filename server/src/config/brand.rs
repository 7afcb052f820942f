//! The brand of the service: what people see of it in the dashboard.

use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use signet_app::brand::{Brand, BrandName, Color, Logo};
use signet_model::portal::Theme;

/// The brand of the service.
#[derive(Debug, Clone, Default, Args)]
#[expect(clippy::struct_field_names, reason = "they are the names of the options")]
pub struct BrandArgs {
    /// The name of your service, which the dashboard carries in place of Signet's.
    #[arg(long, value_name = "NAME", env = "SIGNET_BRAND_NAME")]
    pub brand_name: Option<BrandName>,
    /// The logo of your service: a file (SVG, PNG, JPEG or WebP, up to 256 KiB), or an
    /// https:// URL from which browsers fetch it.
    #[arg(long, value_name = "FILE|URL", env = "SIGNET_BRAND_LOGO")]
    pub brand_logo: Option<PathBuf>,
    /// The accent colour, such as `#5448d8`. It is made darker or lighter where text
    /// would be hard to read.
    #[arg(long, value_name = "COLOUR", env = "SIGNET_BRAND_ACCENT")]
    pub brand_accent: Option<Color>,
    /// Light or dark: light, dark, or auto for what a person's system has.
    #[arg(long, value_name = "THEME", env = "SIGNET_BRAND_THEME", default_value_t = Theme::Auto)]
    pub brand_theme: Theme,
}

impl BrandArgs {
    /// The brand.
    ///
    /// # Errors
    /// The logo cannot be read, or is none.
    pub fn read(&self) -> anyhow::Result<Brand> {
        let logo = self.brand_logo.as_ref().map(|logo| read_logo(logo).context("--brand-logo")).transpose()?;
        Ok(Brand::new(self.brand_name.clone(), logo, self.brand_accent, self.brand_theme))
    }
}

fn read_logo(path: &PathBuf) -> anyhow::Result<Logo> {
    let shown = path.display().to_string();
    if shown.contains("://") {
        return Logo::from_url(&shown).with_context(|| shown);
    }
    let bytes = std::fs::read(path).with_context(|| format!("{shown} cannot be read"))?;
    Logo::from_file(bytes).with_context(|| shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(logo: PathBuf) -> String {
        let args = BrandArgs { brand_logo: Some(logo), ..BrandArgs::default() };
        format!("{:#}", args.read().expect_err("refused"))
    }

    #[test]
    fn a_logo_that_cannot_be_used_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().expect("a folder");
        let text = folder.path().join("logo.svg");
        std::fs::write(&text, "no image").expect("written");
        assert!(refused(text).ends_with("is no image in SVG, PNG, JPEG or WebP"));
        assert!(refused(folder.path().join("missing.png")).contains("missing.png cannot be read"));
        assert!(refused("http://cdn.example.com/logo.svg".into()).contains("must be an https:// URL"));
    }
}
