//! Settings as lines of TOML: those in force with where each came from, and all of them as an
//! example.

use std::{fmt::Write, path::Path};

use clap::{Arg, ArgAction};

use super::{
    layers::{Layered, Layers, Origin, settings},
    secret_text::{HIDDEN, shown},
};
use crate::storage::KEY_VARIABLE;

/// The column from which on the origins stand.
const COLUMN: usize = 52;
/// The longest line of an explanation.
const WIDTH: usize = 98;

/// The settings that are in force, each with where it came from; passwords are not shown.
pub fn in_force(layers: &Layers, has_key_variable: bool) -> String {
    let file = layers.file.as_ref().map(|file| file.path.as_path());
    let read = file.map_or_else(|| "none".to_owned(), |file| file.display().to_string());
    let mut text = format!(
        "# Configuration file: {read}. An option comes before its environment variable, that before the\n\
         # file, and that before the default.\n"
    );
    for setting in &layers.settings {
        text.push_str(&line(setting, file));
        text.push('\n');
    }
    if has_key_variable {
        let key = format!("# the sealing key: {HIDDEN}");
        let _ = writeln!(text, "{key:<COLUMN$} # {KEY_VARIABLE}");
    }
    text
}

fn line(setting: &Layered, file: Option<&Path>) -> String {
    let (name, option) = (setting.name(), &setting.option);
    let mut values = setting.values();
    if option.is_hide_env_values_set() {
        for value in &mut values {
            *value = shown(value);
        }
    }
    let before = match literal(option, &values) {
        Some(literal) => format!("{name} = {literal}"),
        None => format!("# {name}"),
    };
    let in_file = |line: usize| format!("{}:{line}", file.unwrap_or(Path::new("")).display());
    let origin = match (setting.origin(), option.get_env()) {
        (Origin::Flag, _) => format!("--{name}"),
        (Origin::Variable, variable) => variable.unwrap_or_default().display().to_string(),
        (Origin::File(line), _) => in_file(line),
        (Origin::Default, _) if values.is_empty() => "not set".to_owned(),
        (Origin::Default, _) => "default".to_owned(),
    };
    let hidden = setting.file.as_ref().filter(|_| !matches!(setting.origin(), Origin::File(_)));
    let hidden = hidden.map(|it| format!(", not {}", in_file(it.line))).unwrap_or_default();
    format!("{before:<COLUMN$} # {origin}{hidden}")
}

/// The values of an option in TOML; `None` if there are none.
fn literal(option: &Arg, values: &[String]) -> Option<String> {
    match (option.get_action(), values) {
        (_, []) => None,
        (ArgAction::SetTrue, [value, ..]) if ["true", "false"].contains(&value.as_str()) => Some(value.clone()),
        (ArgAction::Append, values) => {
            Some(format!("[{}]", values.iter().map(|value| quoted(value)).collect::<Vec<_>>().join(", ")))
        }
        (_, [value, ..]) => {
            let is_number = value.parse().is_ok_and(|number: i64| number.to_string() == *value);
            Some(if is_number { value.clone() } else { quoted(value) })
        }
    }
}

/// A text between quotes.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => {
                let _ = write!(quoted, "\\U{:08x}", u32::from(letter));
            }
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}

/// A configuration file with every setting, explained and commented out.
pub fn example() -> String {
    let mut text = String::from(
        "# The configuration of Signet. Each setting is an option of `signet serve`; a line without its\n\
         # first sign is in force. An option on the command line comes before its environment variable,\n\
         # and that before this file. `signet config check` shows what is in force, and why.\n\
         # Paths count from the folder in which the program is started: write them whole.\n",
    );
    for option in settings() {
        let (name, help) = (option.get_long().unwrap_or_default(), option.get_long_help().or(option.get_help()));
        let help = help.map(ToString::to_string).unwrap_or_default();
        text.push('\n');
        for paragraph in help.lines() {
            wrap(paragraph, &mut text);
        }
        let choices: Vec<_> = option.get_possible_values().iter().map(|it| it.get_name().to_owned()).collect();
        if option.get_action().takes_values() && !choices.is_empty() {
            wrap(&format!("One of: {}.", choices.join(", ")), &mut text);
        }
        let _ = writeln!(text, "# {name} = {}", sample(&option));
    }
    text
}

/// The default of an option, or else what its value stands for.
fn sample(option: &Arg) -> String {
    if !option.get_action().takes_values() {
        return "false".to_owned();
    }
    let default: Vec<_> = option.get_default_values().iter().map(|it| it.to_string_lossy().into_owned()).collect();
    let names = option.get_value_names().unwrap_or_default().iter().map(ToString::to_string).collect::<Vec<_>>();
    let values = if default.is_empty() { names } else { default };
    literal(option, &values).unwrap_or_else(|| quoted(""))
}

/// Adds lines of a comment.
fn wrap(paragraph: &str, text: &mut String) {
    let mut line = String::from("#");
    for word in paragraph.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            text.extend([line.as_str(), "\n"]);
            line = String::from("#");
        }
        line.extend([" ", word]);
    }
    text.extend([line.as_str(), "\n"]);
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use toml::de::DeTable;

    use super::*;

    #[test]
    fn the_example_has_every_setting_and_can_be_read_with_and_without_its_comments() {
        let example = example();
        assert!(DeTable::parse(&example).expect("TOML").get_ref().is_empty(), "{example}");
        let settings: Vec<_> = settings().iter().filter_map(Arg::get_long).map(str::to_owned).collect();
        let uncommented: Vec<_> = example
            .lines()
            .filter_map(|line| line.strip_prefix("# "))
            .filter(|line| line.split_once(" = ").is_some_and(|(name, _)| settings.iter().any(|it| it == name)))
            .collect();
        assert_eq!(uncommented.len(), settings.len());
        let file = tempfile::NamedTempFile::new().expect("a file");
        // What stands for a value is none.
        let valid: Vec<_> = uncommented.iter().filter(|line| !is_placeholder(line)).copied().collect();
        std::fs::write(file.path(), valid.join("\n")).expect("written");
        let path = file.path().as_os_str().to_owned();
        let layers = Layers::read(["signet".into(), "serve".into(), "--config".into(), path], &|_| None);
        let faults = layers.faults(std::iter::empty());
        assert!(faults.is_empty() && valid.len() > 20, "{faults:?}");
        DeTable::parse(&uncommented.join("\n")).expect("TOML");
    }

    fn is_placeholder(line: &str) -> bool {
        let value = line.split_once(" = ").expect("a setting").1;
        value.trim_matches(['"', '[', ']']).starts_with(|letter: char| letter.is_ascii_uppercase())
    }

    #[test]
    fn a_setting_is_shown_with_its_origin_and_without_its_password() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let text = "database = 'postgres://me:hunter2@db.example/signet'\nlease = '2m'\ntrust-ca = ['a\"b.pem']\n\
                    max-connections = 7\nsign-up = true\n";
        std::fs::write(file.path(), text).expect("written");
        let path = file.path().as_os_str().to_owned();
        let arguments = ["signet", "config", "check", "--lease", "3m", "--config"].map(OsString::from);
        let variable =
            |name: &std::ffi::OsStr| (name == "SIGNET_SMTP_URL").then(|| "smtps://u:hunter2@m.example".into());
        let layers = Layers::read(arguments.into_iter().chain([path]), &variable);
        let shown = in_force(&layers, true).replace(&file.path().display().to_string(), "signet.toml");
        for (setting, origin) in [
            ("database = \"postgres://(hidden)@db.example/signet\"", "signet.toml:1"),
            ("lease = \"3m\"", "--lease, not signet.toml:2"),
            ("trust-ca = [\"a\\\"b.pem\"]", "signet.toml:3"),
            ("max-connections = 7", "signet.toml:4"),
            ("sign-up = true", "signet.toml:5"),
            ("smtp-url = \"smtps://(hidden)@m.example\"", "SIGNET_SMTP_URL"),
            ("budget = \"10s\"", "default"),
            ("dev = false", "default"),
            ("# tls-cert", "not set"),
            ("# the sealing key: (hidden)", "SIGNET_KEY"),
        ] {
            let line = format!("{setting:<COLUMN$} # {origin}");
            assert!(shown.lines().any(|it| it == line), "{line}\n{shown}");
        }
        assert!(!shown.contains("hunter2"), "{shown}");
        DeTable::parse(&shown).expect("TOML");
    }
}
