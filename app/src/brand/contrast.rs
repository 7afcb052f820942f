//! The colours of the style sheet are told apart, in both themes: the pairs stand in
//! `style/tokens.css` itself, beside the colours.

use super::color::Color;

const TOKENS: &str = include_str!("../../../style/tokens.css");

/// The two values of a token: light, dark.
fn values(name: &str) -> [Color; 2] {
    let start = format!("--{name}: ");
    let line = TOKENS.lines().find_map(|line| line.trim().strip_prefix(&start)).expect(name).trim_end_matches(';');
    match line.strip_prefix("light-dark(").and_then(|pair| pair.strip_suffix(')')?.split_once(", ")) {
        Some((light, dark)) => [light, dark].map(|it| it.parse().expect(name)),
        None => [line.parse().expect(name); 2],
    }
}

/// The pairs: the least contrast, what is seen, and what is behind it.
fn pairs() -> Vec<(f64, &'static str, &'static str)> {
    let lines = TOKENS.lines().filter_map(|line| line.trim().strip_prefix("/* contrast ")?.strip_suffix(" */"));
    lines
        .flat_map(|line| {
            let (least, names) = line.split_once(": ").expect("a least contrast");
            let (above, below) = names.split_once(" on ").expect("a ground");
            let least = least.parse().expect("a number");
            above.split(' ').flat_map(move |above| below.split(' ').map(move |below| (least, above, below)))
        })
        .collect()
}

#[test]
fn each_pair_of_the_style_sheet_has_its_contrast_in_both_themes() {
    let pairs = pairs();
    assert!(pairs.len() > 60, "{pairs:?}");
    for (least, above, below) in pairs {
        for (theme, (above_color, below_color)) in values(above).into_iter().zip(values(below)).enumerate() {
            let contrast = above_color.contrast(below_color);
            assert!(contrast >= least, "{above} on {below}, theme {theme}: {contrast:.2} instead of {least}");
        }
    }
}

#[test]
fn each_colour_of_the_style_sheet_is_in_a_pair() {
    // Lines and shadows tell nothing that is not told otherwise.
    let told = ["line", "line-strong", "good-line", "warning-line", "bad-line"];
    let names = TOKENS
        .lines()
        .filter(|line| line.contains('#'))
        .filter_map(|line| line.trim().strip_prefix("--")?.split(':').next());
    let pairs = pairs();
    for name in names.filter(|name| !told.contains(name)) {
        assert!(pairs.iter().any(|(_, above, below)| *above == name || *below == name), "{name} is in no pair");
    }
}
