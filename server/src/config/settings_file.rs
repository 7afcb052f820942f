//! The configuration file: each setting under the name of its option, in TOML.

use std::{
    fs,
    io::ErrorKind,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::{Arg, ArgAction};
use toml::de::{DeTable, DeValue};

use super::secret_text::holds_password;

/// The file that is read if it is there, and no other one is named.
pub const USUAL_FILE: &str = "/etc/signet/signet.toml";
/// Stands for no file.
const NO_FILE: &str = "none";
/// The permissions of those who are neither the owner nor in the group of a file.
const OTHERS: u32 = 0o007;
/// The likeness from which on a name is taken to be meant.
const MEANT: f64 = 0.75;

/// The place of the configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigPlace {
    /// No file is read.
    Nowhere,
    /// A file that was named, and must be there.
    At(PathBuf),
}

impl FromStr for ConfigPlace {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "" => Err("must be the path of a file, or none"),
            NO_FILE => Ok(Self::Nowhere),
            path => Ok(Self::At(path.into())),
        }
    }
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingsFile {
    /// Its path.
    pub path: PathBuf,
    /// What stands in it, in the order of lines.
    pub settings: Vec<Setting>,
}

/// A setting that stands in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// The name of its option, without the dashes.
    pub name: String,
    /// The line, from 1 on.
    pub line: usize,
    /// Its values, as an option takes them.
    pub values: Values,
}

/// The values of a setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values {
    /// On, or off.
    Switch(bool),
    /// One text, or those of a list.
    Texts(Vec<String>),
}

impl Setting {
    /// The same on the command line.
    pub fn arguments(&self) -> Vec<String> {
        match &self.values {
            Values::Switch(on) => on.then(|| format!("--{}", self.name)).into_iter().collect(),
            Values::Texts(texts) => texts.iter().map(|text| format!("--{}={text}", self.name)).collect(),
        }
    }
}

/// Reads a file, of which `known` are the options that can stand in it. A file that is not there
/// is none, unless it `must_exist`.
///
/// # Errors
/// All that is wrong with it, a line each.
pub fn read(path: &Path, must_exist: bool, known: &[Arg]) -> Result<Option<SettingsFile>, Vec<String>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(None),
        Err(error) => {
            return Err(vec![format!(
                "the configuration file {} cannot be read: {error}; name another one with --config, or none with \
                 `--config {NO_FILE}`",
                path.display()
            )]);
        }
    };
    let settings = parse(&text, known)
        .map_err(|faults| faults.into_iter().map(|(line, fault)| at(path, line, &fault)).collect::<Vec<_>>())?;
    let file = SettingsFile { path: path.to_owned(), settings };
    let faults = readable_secrets(&file, known);
    if faults.is_empty() { Ok(Some(file)) } else { Err(faults) }
}

/// The place of a line, and what is wrong there.
pub fn at(path: &Path, line: usize, fault: &str) -> String {
    format!("{}:{line}: {fault}", path.display())
}

/// A fault for each password in a file that others can read.
fn readable_secrets(file: &SettingsFile, known: &[Arg]) -> Vec<String> {
    let others = fs::metadata(&file.path).is_ok_and(|found| found.permissions().mode() & OTHERS != 0);
    let is_secret = |setting: &&Setting| {
        let mut known = known.iter().filter(|option| option.is_hide_env_values_set());
        let password = matches!(&setting.values, Values::Texts(texts) if texts.iter().any(|text| holds_password(text)));
        password && known.any(|option| option.get_long() == Some(&setting.name))
    };
    let readable = file.settings.iter().filter(|_| others).filter(is_secret);
    let fault = |setting: &Setting| {
        let name = &setting.name;
        let advice = format!(
            "`{name}` holds a password, and everybody on this machine can read the file: run `chmod 640 {}`, or keep \
             the password elsewhere",
            file.path.display()
        );
        at(&file.path, setting.line, &advice)
    };
    readable.map(fault).collect()
}

/// Reads the text of a file.
///
/// # Errors
/// All that is wrong with it, by line.
fn parse(text: &str, known: &[Arg]) -> Result<Vec<Setting>, Vec<(usize, String)>> {
    let line = |offset: usize| text.as_bytes().iter().take(offset).filter(|&&byte| byte == b'\n').count() + 1;
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let fault = |error: &toml::de::Error| {
            let words = error.message().split_whitespace().collect::<Vec<_>>().join(" ");
            (line(error.span().map_or(0, |span| span.start)), format!("this is no TOML: {words}"))
        };
        return Err(errors.iter().map(fault).collect());
    }
    let (mut settings, mut faults) = (Vec::new(), Vec::new());
    for (key, value) in table.into_inner() {
        let (line, name) = (line(key.span().start), key.into_inner().into_owned());
        match option(&name, value.get_ref(), known).and_then(|option| values(option, value.get_ref())) {
            Ok(values) => settings.push(Setting { name, line, values }),
            Err(fault) => faults.push((line, fault)),
        }
    }
    settings.sort_by_key(|setting| setting.line);
    faults.sort();
    if faults.is_empty() { Ok(settings) } else { Err(faults) }
}

/// The option with a name.
fn option<'k>(name: &str, value: &DeValue<'_>, known: &'k [Arg]) -> Result<&'k Arg, String> {
    if let Some(found) = known.iter().find(|option| option.get_long() == Some(name)) {
        return Ok(found);
    }
    let lists = "`signet config example` lists all settings";
    if let DeValue::Table(table) = value {
        let inside = table.keys().next().map(|key| format!("{name}-{}", key.get_ref()));
        let near = inside.and_then(|inside| nearest(&inside, known)).unwrap_or("NAME");
        return Err(format!(
            "there is no table [{name}]: settings stand flat under the names of their options, such as `{near} = …`; \
             {lists}"
        ));
    }
    Err(match nearest(name, known) {
        Some(near) => format!("there is no setting `{name}`: the nearest is `{near}`; correct the name, or remove it"),
        None => format!("there is no setting `{name}`: remove it; {lists}"),
    })
}

/// The known name that is most like one, if any is.
fn nearest<'k>(name: &str, known: &'k [Arg]) -> Option<&'k str> {
    let plain = name.to_lowercase().replace(['_', '.', ' '], "-");
    let plain = plain.trim_start_matches('-');
    let plain = plain.strip_prefix("signet-").unwrap_or(plain);
    let alike = known.iter().filter_map(Arg::get_long).map(|known| (strsim::jaro_winkler(plain, known), known));
    let (likeness, name) = alike.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (likeness >= MEANT).then_some(name)
}

/// The values of an option.
fn values(option: &Arg, value: &DeValue<'_>) -> Result<Values, String> {
    let name = option.get_long().unwrap_or_default();
    match (option.get_action(), value) {
        (ArgAction::SetTrue, DeValue::Boolean(on)) => Ok(Values::Switch(*on)),
        (ArgAction::SetTrue, _) => Err(format!("`{name}` is on or off: write `{name} = true`, without quotes")),
        (ArgAction::Append, DeValue::Array(array)) => {
            let texts = array.iter().map(|value| text(name, value.get_ref())).collect::<Result<_, _>>()?;
            Ok(Values::Texts(texts))
        }
        (_, DeValue::Array(_)) => Err(format!("`{name}` takes one value, not a list: write `{name} = \"…\"`")),
        (_, value) => Ok(Values::Texts(vec![text(name, value)?])),
    }
}

fn text(name: &str, value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        _ => Err(format!("`{name}` is a text or a whole number: write `{name} = \"…\"`")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;

    use super::*;
    use crate::config::layers::settings;

    fn faults(text: &str) -> Vec<(usize, String)> {
        parse(text, &settings()).expect_err(text)
    }

    fn file(text: &str, mode: u32) -> (tempfile::NamedTempFile, Result<Option<SettingsFile>, Vec<String>>) {
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), text).expect("written");
        fs::set_permissions(file.path(), Permissions::from_mode(mode)).expect("permissions");
        let read = read(file.path(), true, &settings());
        (file, read)
    }

    #[test]
    fn values_are_those_of_the_command_line() {
        let text = "listen = '[::]:80'\nmax-connections = 1_000\n\n# Said.\nsign-up = true\ndev = false\n\
                    trust-ca = [\"a.pem\", \"b.pem\"]\nother-host = 'a.internal'\n";
        let settings = parse(text, &settings()).expect("settings");
        let said: Vec<_> = settings.iter().map(|it| (it.line, it.arguments().join(" "))).collect();
        let said: Vec<_> = said.iter().map(|(line, text)| (*line, text.as_str())).collect();
        assert_eq!(
            said,
            [
                (1, "--listen=[::]:80"),
                (2, "--max-connections=1000"),
                (5, "--sign-up"),
                (6, ""),
                (7, "--trust-ca=a.pem --trust-ca=b.pem"),
                (8, "--other-host=a.internal"),
            ]
        );
    }

    #[test]
    fn a_name_that_is_not_known_is_told_with_its_line_the_nearest_one_and_the_remedy() {
        for (wrong, near) in [
            ("max_connections", "max-connections"),
            ("listn", "listen"),
            ("SIGNET_PUBLIC_URL", "public-url"),
            ("public.url", "public-url"),
            ("keyfile", "key-file"),
        ] {
            let key = if wrong.contains('.') { format!("\"{wrong}\"") } else { wrong.to_owned() };
            let found = faults(&format!("dev = true\n{key} = 'x'\n"));
            let [(2, fault)] = &found[..] else { panic!("{found:?}") };
            let says = format!("`{wrong}`: the nearest is `{near}`; correct the name");
            assert!(fault.contains(&says), "{fault}");
        }
        let found = faults("qqq = 1");
        assert!(found[0].1.contains("`qqq`: remove it; `signet config example` lists"), "{found:?}");
        let found = faults("[smtp]\nurl = 'smtp://localhost'\n");
        assert!(found[0].0 == 1 && found[0].1.contains("settings stand flat") && found[0].1.contains("`smtp-url = …`"));
        assert!(faults("config = 'other.toml'")[0].1.contains("no setting `config`"), "a file names no other");
    }

    #[test]
    fn all_that_is_wrong_is_told_at_once_in_the_order_of_lines() {
        let found = faults("sign-up = 'yes'\nlisten = ['a', 'b']\ntypo = 1\nbudget = 1.5\nretry-jitter = 1979-05-27\n");
        assert_eq!(found.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
        for ((_, fault), words) in found.iter().zip([
            "write `sign-up = true`, without quotes",
            "`listen` takes one value",
            "no setting `typo`",
            "`budget` is a text or a whole number",
            "`retry-jitter` is a text or a whole number",
        ]) {
            assert!(fault.contains(words), "{fault}");
        }
    }

    #[test]
    fn what_is_no_toml_is_told_by_its_line() {
        for (text, line) in [("dev = true\nlisten = \n", 2), ("dev = true\n\ndev = false\n", 3), ("listen: 'a'", 1)] {
            let found = faults(text);
            assert!(found[0].0 == line && found[0].1.starts_with("this is no TOML: "), "{found:?}");
        }
    }

    #[test]
    fn a_password_in_a_file_that_everybody_reads_is_refused_and_not_repeated() {
        let with = "listen = '127.0.0.1:80'\nsmtp-url = 'smtps://me:hunter2@mail.example'\n";
        let (path, refused) = file(with, 0o644);
        let faults = refused.expect_err("refused");
        let begins = format!("{}:2: `smtp-url` holds a password", path.path().display());
        assert!(faults.len() == 1 && faults[0].starts_with(&begins) && faults[0].contains("chmod 640"), "{faults:?}");
        assert!(!faults[0].contains("hunter2"));
        assert!(file(with, 0o640).1.is_ok(), "the group of the service may");
        assert!(file("smtp-url = 'smtps://me@mail.example'\n", 0o644).1.is_ok(), "the password is elsewhere");
    }

    #[test]
    fn a_file_that_is_not_there_is_none_unless_it_was_named() {
        let missing = tempfile::tempdir().expect("a folder").path().join("signet.toml");
        assert_eq!(read(&missing, false, &[]), Ok(None));
        let faults = read(&missing, true, &[]).expect_err("it was named");
        assert!(faults[0].contains("cannot be read") && faults[0].contains("--config none"), "{faults:?}");
    }
}
