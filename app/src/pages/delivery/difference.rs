//! The difference between two texts, line by line.

/// The longest text that is compared, in bytes.
const MAX_LEN: usize = 64 * 1024;
/// The most pairs of lines that are compared; beyond, all lines in the middle are told as changed.
const MAX_PAIRS: usize = 1_000_000;
/// The lines that are shown around a change.
const AROUND: usize = 2;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// Both texts have it.
    Same(String),
    /// Only the text that worked has it.
    Removed(String),
    /// Only the text at hand has it.
    Added(String),
    /// So many lines, which both have, are left out.
    Omitted(usize),
}

/// The lines in which two texts differ, with those around them; empty if they are equal, `None` if one is
/// too long.
pub(super) fn difference(worked: &str, now: &str) -> Option<Vec<Line>> {
    if worked.len().max(now.len()) > MAX_LEN {
        return None;
    }
    let (before, after): (Vec<&str>, Vec<&str>) = (worked.lines().collect(), now.lines().collect());
    Some(if before == after { Vec::new() } else { shortened(aligned(&before, &after)) })
}

/// All lines of both texts.
fn aligned(before: &[&str], after: &[&str]) -> Vec<Line> {
    let same = |(a, b): &(&&str, &&str)| a == b;
    let head = before.iter().zip(after).take_while(same).count();
    let (left, right) = (&before[head..], &after[head..]);
    let tail = left.iter().rev().zip(right.iter().rev()).take_while(same).count();
    let (left, right) = (&left[..left.len() - tail], &right[..right.len() - tail]);
    let text = |line: &&str| Line::Same((*line).to_owned());
    let mut lines: Vec<Line> = before[..head].iter().map(text).collect();
    if left.len().saturating_mul(right.len()) > MAX_PAIRS {
        lines.extend(left.iter().map(|line| Line::Removed((*line).to_owned())));
        lines.extend(right.iter().map(|line| Line::Added((*line).to_owned())));
    } else {
        lines.extend(middle(left, right));
    }
    lines.extend(before[before.len() - tail..].iter().map(text));
    lines
}

/// The lines by the longest common subsequence.
fn middle(left: &[&str], right: &[&str]) -> Vec<Line> {
    let width = right.len() + 1;
    // `common[i * width + j]`: the length of that of `left[i..]` and `right[j..]`.
    let mut common = vec![0_u32; (left.len() + 1) * width];
    for i in (0..left.len()).rev() {
        for j in (0..right.len()).rev() {
            common[i * width + j] = if left[i] == right[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < left.len() || j < right.len() {
        if i < left.len() && j < right.len() && left[i] == right[j] {
            lines.push(Line::Same(left[i].to_owned()));
            (i, j) = (i + 1, j + 1);
        } else if j == right.len() || (i < left.len() && common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            lines.push(Line::Removed(left[i].to_owned()));
            i += 1;
        } else {
            lines.push(Line::Added(right[j].to_owned()));
            j += 1;
        }
    }
    lines
}

/// Leaves lines out that are far from every change.
fn shortened(lines: Vec<Line>) -> Vec<Line> {
    let changes: Vec<usize> =
        lines.iter().enumerate().filter(|(_, line)| !matches!(line, Line::Same(_))).map(|(place, _)| place).collect();
    let mut near = vec![false; lines.len()];
    for place in changes {
        let end = (place + AROUND + 1).min(near.len());
        near[place.saturating_sub(AROUND)..end].fill(true);
    }
    let mut shown: Vec<Line> = Vec::new();
    for (line, is_near) in lines.into_iter().zip(near) {
        match shown.last_mut() {
            _ if is_near => shown.push(line),
            Some(Line::Omitted(count)) => *count += 1,
            _ => shown.push(Line::Omitted(1)),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(worked: &str, now: &str) -> String {
        let lines = difference(worked, now).expect("short enough").into_iter().map(|line| match line {
            Line::Same(text) => format!(" {text}"),
            Line::Removed(text) => format!("-{text}"),
            Line::Added(text) => format!("+{text}"),
            Line::Omitted(count) => format!("…{count}"),
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn changed_lines_stand_among_those_around_them() {
        assert_eq!(shown("a\nb\nc", "a\nb\nc"), "");
        assert_eq!(
            shown("1\n2\n3\n4\nx\n5\n6\n7\n8", "1\n2\n3\n4\ny\nz\n5\n6\n7\n8"),
            "…2\n 3\n 4\n-x\n+y\n+z\n 5\n 6\n…2"
        );
        assert_eq!(shown("", "a"), "+a");
        assert_eq!(shown("a\nb", "b\na"), "-a\n b\n+a");
        assert_eq!(difference(&"x".repeat(MAX_LEN + 1), ""), None);
    }

    #[test]
    fn texts_without_a_common_line_are_compared_in_bounded_time() {
        let text = |name: &str| (0..4_000).fold(String::new(), |text, line| text + name + &line.to_string() + "\n");
        assert_eq!(difference(&text("a"), &text("b")).map(|lines| lines.len()), Some(8_000));
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_from_their_alignment(before in prop::collection::vec("[a-c]", 0..12), after in prop::collection::vec("[a-c]", 0..12)) {
            let (before, after): (Vec<&str>, Vec<&str>) = (before.iter().map(|it| &**it).collect(), after.iter().map(|it| &**it).collect());
            let lines = aligned(&before, &after);
            let side = |other: fn(&Line) -> bool| lines.iter().filter(|line| !other(line)).map(|line| match line {
                Line::Same(text) | Line::Removed(text) | Line::Added(text) => text.as_str(),
                Line::Omitted(_) => "",
            }).collect::<Vec<_>>();
            prop_assert_eq!(side(|line| matches!(line, Line::Added(_))), before);
            prop_assert_eq!(side(|line| matches!(line, Line::Removed(_))), after);
        }
    }
}
