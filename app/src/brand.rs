//! The brand of the service that runs the dashboard: its name, logo, accent colour and theme,
//! from the operator's options.

mod accent;
mod color;
#[cfg(test)]
mod contrast;
mod files;
mod logo;

use signet_model::{portal::Theme, text::PlainText};

pub use color::{Color, InvalidColor};
pub(crate) use files::routes;
pub use logo::{InvalidLogo, Logo};

use files::StyleSheet;

/// The name of a service, as people see it.
pub type BrandName = PlainText<1, 60>;

/// The look that the operator has chosen.
#[derive(Debug, Clone, Default)]
pub struct Brand {
    name: Option<BrandName>,
    logo: Option<Logo>,
    style: Option<StyleSheet>,
    theme: Theme,
}

impl Brand {
    /// A brand.
    pub fn new(name: Option<BrandName>, logo: Option<Logo>, accent: Option<Color>, theme: Theme) -> Self {
        Self { name, logo, style: accent.map(StyleSheet::of), theme }
    }

    /// The name of the service, if there is one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Light or dark.
    pub(crate) const fn theme(&self) -> Theme {
        self.theme
    }

    /// The logo.
    pub(crate) const fn logo(&self) -> Option<&Logo> {
        self.logo.as_ref()
    }

    /// The path of the style sheet with the colours of the accent, if there is one.
    pub(crate) fn style_path(&self) -> Option<String> {
        self.style.as_ref().map(StyleSheet::path)
    }
}
