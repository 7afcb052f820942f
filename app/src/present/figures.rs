//! Rates.

/// A part in thousandths as percent: `99.7%`, `100%`.
pub(crate) fn percent(per_mille: u64) -> String {
    match (per_mille / 10, per_mille % 10) {
        (whole, 0) => format!("{whole}%"),
        (whole, tenth) => format!("{whole}.{tenth}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_shown_in_percent_with_a_tenth_where_there_is_one() {
        for (per_mille, text) in [(0, "0%"), (666, "66.6%"), (990, "99%"), (999, "99.9%"), (1_000, "100%")] {
            assert_eq!(percent(per_mille), text);
        }
    }
}
