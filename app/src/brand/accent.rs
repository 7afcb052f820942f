//! The colours that are made of one accent, for both themes. Whatever the accent is, text keeps
//! a contrast of 4.5:1 and areas one of 3:1 (WCAG 2.2 AA, 1.4.3 and 1.4.11): the accent is
//! moved toward black or white only as far as that asks for.

use super::color::Color;

/// The least contrast of text.
const TEXT: f64 = 4.5;
/// The least contrast of a button or a mark with the surface around it.
const AREA: f64 = 3.0;

/// One theme, as far as the accent needs it: the same colours as in `style/tokens.css`.
struct Ground {
    /// The colour toward which an accent stands out more.
    away: Color,
    /// The surface of cards.
    surface: Color,
    /// All that text of the accent stands on, beside the soft accent.
    below: [Color; 4],
    /// The share of the accent in the soft accent, in steps of 64.
    soft: u16,
}

const LIGHT: Ground = Ground {
    away: Color::BLACK,
    surface: Color::rgb(0xff, 0xff, 0xff),
    below: [
        Color::rgb(0xff, 0xff, 0xff),
        Color::rgb(0xfa, 0xfa, 0xfb),
        Color::rgb(0xf4, 0xf4, 0xf6),
        Color::rgb(0xf6, 0xf6, 0xf8),
    ],
    soft: 6,
};

const DARK: Ground = Ground {
    away: Color::WHITE,
    surface: Color::rgb(0x16, 0x16, 0x1a),
    below: [
        Color::rgb(0x16, 0x16, 0x1a),
        Color::rgb(0x0f, 0x0f, 0x12),
        Color::rgb(0x1c, 0x1c, 0x21),
        Color::rgb(0x1b, 0x1b, 0x20),
    ],
    soft: 12,
};

/// The colours of an accent in one theme.
#[derive(Debug, Clone, Copy)]
struct Colors {
    /// Links, marks and outlines.
    accent: Color,
    /// Areas of the accent.
    solid: Color,
    /// The same under the pointer.
    hover: Color,
    /// Text on both.
    on_solid: Color,
    /// A light area behind text of the accent.
    soft: Color,
}

impl Colors {
    fn of(chosen: Color, ground: &Ground) -> Self {
        let soft = ground.surface.toward(chosen, ground.soft);
        let legible = |color: &Color| ground.below.iter().chain([&soft]).all(|below| color.contrast(*below) >= TEXT);
        let accent = first(chosen, ground.away, legible);
        let solid = first(chosen, ground.away, |color| color.contrast(ground.surface) >= AREA);
        let on_solid = if Color::WHITE.contrast(solid) >= TEXT { Color::WHITE } else { Color::BLACK };
        let fits = |color: &Color| on_solid.contrast(*color) >= TEXT && color.contrast(ground.surface) >= AREA;
        let shifted = [solid.toward(Color::BLACK, 8), solid.toward(Color::WHITE, 8)];
        let hover = shifted.into_iter().find(fits).unwrap_or(solid);
        Self { accent, solid, hover, on_solid, soft }
    }
}

/// The first colour on the way from one to another that is good enough; at the end, that other.
fn first(from: Color, to: Color, good: impl Fn(&Color) -> bool) -> Color {
    (0..64).map(|steps| from.toward(to, steps)).find(good).unwrap_or(to)
}

/// The style sheet that puts an accent in place of the own one.
pub(super) fn style_sheet(accent: Color) -> String {
    let (light, dark) = (Colors::of(accent, &LIGHT), Colors::of(accent, &DARK));
    let pairs = [
        ("accent", light.accent, dark.accent),
        ("accent-solid", light.solid, dark.solid),
        ("accent-solid-hover", light.hover, dark.hover),
        ("accent-soft", light.soft, dark.soft),
        ("on-accent", light.on_solid, dark.on_solid),
    ];
    let rules = pairs.map(|(name, light, dark)| format!("--{name}:light-dark({light},{dark})"));
    format!(":root{{{}}}", rules.join(";"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(chosen: Color) {
        for ground in [LIGHT, DARK] {
            let colors = Colors::of(chosen, &ground);
            for below in ground.below.into_iter().chain([colors.soft]) {
                assert!(colors.accent.contrast(below) >= TEXT, "{chosen}: {colors:?} on {below}");
            }
            for area in [colors.solid, colors.hover] {
                assert!(colors.on_solid.contrast(area) >= TEXT, "{chosen}: {colors:?}");
                assert!(area.contrast(ground.surface) >= AREA, "{chosen}: {colors:?}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4096, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn every_accent_keeps_the_contrast_of_aa_in_both_themes(red: u8, green: u8, blue: u8) {
            check(Color::rgb(red, green, blue));
        }
    }

    #[test]
    fn accents_at_the_edges_keep_it_too() {
        for text in ["#000000", "#ffffff", "#ffff00", "#0000ff", "#00ff00", "#ff0000", "#767676", "#777777", "#f4f4f6"]
        {
            check(text.parse().expect("a colour"));
        }
    }

    #[test]
    fn an_accent_that_is_good_already_stays_as_it_is() {
        let chosen: Color = "#0b57d0".parse().expect("a colour");
        let colors = Colors::of(chosen, &LIGHT);
        assert_eq!((colors.accent, colors.solid, colors.on_solid), (chosen, chosen, Color::WHITE));
    }

    #[test]
    fn the_surfaces_are_those_of_the_style_sheet() {
        let tokens = include_str!("../../../style/tokens.css");
        let names = ["surface", "canvas", "sunken", "hover"];
        for ((name, light), dark) in names.into_iter().zip(LIGHT.below).zip(DARK.below) {
            let rule = format!("--{name}: light-dark({light}, {dark});");
            assert!(tokens.contains(&rule), "style/tokens.css has not {rule}");
        }
        assert_eq!((LIGHT.surface, DARK.surface), (LIGHT.below[0], DARK.below[0]));
    }
}
