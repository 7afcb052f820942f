//! The layers of the settings: an option of the command line comes before its environment
//! variable, that before the configuration file, and that before the default.
//!
//! The file is laid under the command line: each of its settings that neither an option nor a
//! variable gives is added as an option. So a setting is declared once, with its type, its
//! checks, and what it needs beside it.

use std::{
    ffi::{OsStr, OsString},
    path::Path,
};

use clap::{
    Arg, ArgMatches, Command, CommandFactory, Parser,
    builder::{self, Resettable},
    error::ErrorKind,
};

use super::{
    environment,
    settings_file::{self, ConfigPlace, Setting, SettingsFile, USUAL_FILE},
};
use crate::commands::Cli;

/// The option that names the file. Commands that have it read the file.
const CONFIG: &str = "config";

/// The value of an environment variable, if it is set.
type Variable<'v> = &'v dyn Fn(&OsStr) -> Option<OsString>;

/// The options that can stand in a file: those of `signet serve`, except the one that names it.
pub fn settings() -> Vec<Arg> {
    let of_serve = options_of(&["serve".to_owned()]).into_iter();
    of_serve
        .filter(|option| option.get_long().is_some_and(|name| !["help", "version", CONFIG].contains(&name)))
        .collect()
}

/// All options of a command.
fn options_of(path: &[String]) -> Vec<Arg> {
    let mut signet = Cli::command();
    signet.build();
    let found = path.iter().try_fold(&signet, |command, name| command.find_subcommand(name));
    found.into_iter().flat_map(Command::get_arguments).cloned().collect()
}

/// A setting of the command that is run, with all that was given for it.
#[derive(Debug, Clone)]
pub struct Layered {
    /// The option.
    pub option: Arg,
    /// Its values on the command line.
    flag: Option<Vec<OsString>>,
    /// The value of its variable.
    variable: Option<OsString>,
    /// What stands in the file.
    pub file: Option<Setting>,
}

/// The layer from which a value came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Variable,
    /// A line of the file.
    File(usize),
    /// Nobody gave it.
    Default,
}

impl Layered {
    /// The name in a file.
    pub fn name(&self) -> &str {
        self.option.get_long().unwrap_or_default()
    }

    /// The layer that counts.
    pub fn origin(&self) -> Origin {
        match (&self.flag, &self.variable, &self.file) {
            (Some(_), ..) => Origin::Flag,
            (None, Some(_), _) => Origin::Variable,
            (None, None, Some(setting)) => Origin::File(setting.line),
            (None, None, None) => Origin::Default,
        }
    }

    /// True if nobody gave it.
    pub fn is_default(&self) -> bool {
        self.origin() == Origin::Default
    }

    /// True if its values are URLs.
    pub fn is_url(&self) -> bool {
        self.option.get_value_names().is_some_and(|names| names.iter().any(|name| name == "URL"))
    }

    /// What was given, as options: of the layer that counts.
    pub fn arguments(&self) -> Vec<OsString> {
        let texts = self.flag.clone().or_else(|| self.variable.clone().map(|text| vec![text]));
        match (texts, &self.file) {
            (Some(texts), _) if self.option.get_action().takes_values() => texts
                .iter()
                .map(|text| [OsStr::new(&format!("--{}=", self.name())), text].iter().copied().collect())
                .collect(),
            (None, Some(setting)) => setting.arguments().into_iter().map(OsString::from).collect(),
            (Some(_), _) | (None, None) => Vec::new(),
        }
    }

    /// The values that count, as texts; none if there is no default.
    pub fn values(&self) -> Vec<String> {
        let is_switch = !self.option.get_action().takes_values();
        let lossy = |text: &OsString| text.to_string_lossy().into_owned();
        match (&self.flag, &self.variable, &self.file) {
            (Some(_), ..) if is_switch => vec!["true".to_owned()],
            (Some(texts), ..) => texts.iter().map(lossy).collect(),
            (None, Some(text), _) => vec![lossy(text)],
            (None, None, Some(Setting { values: settings_file::Values::Switch(on), .. })) => vec![on.to_string()],
            (None, None, Some(Setting { values: settings_file::Values::Texts(texts), .. })) => texts.clone(),
            (None, None, None) if is_switch => vec!["false".to_owned()],
            (None, None, None) => {
                self.option.get_default_values().iter().map(|text| text.to_string_lossy().into_owned()).collect()
            }
        }
    }
}

/// Why a command is not run.
#[derive(Debug)]
pub enum Refusal {
    /// The command line is wrong, or asks for help.
    Usage(clap::Error),
    /// The file is wrong: a line for each fault.
    File(Vec<String>),
}

/// All that was given for a command.
#[derive(Debug)]
pub struct Layers {
    arguments: Vec<OsString>,
    /// The names of the command, such as `["account", "add"]`.
    pub command: Vec<String>,
    /// The file that was read.
    pub file: Option<SettingsFile>,
    /// What is wrong with the file by itself.
    faults: Vec<String>,
    /// The settings of this command, in the order of its options.
    pub settings: Vec<Layered>,
}

impl Layers {
    /// Reads the command line, the environment, and the file if the command takes one.
    pub fn read(arguments: impl IntoIterator<Item = OsString>, variable: Variable<'_>) -> Self {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let mut this = Self { command: Vec::new(), file: None, faults: Vec::new(), settings: Vec::new(), arguments };
        let Some((command, given)) = given(&this.arguments) else { return this };
        let (options, known) = (options_of(&command), settings());
        this.command = command;
        let Some(config) = options.iter().find(|option| option.get_long() == Some(CONFIG)) else { return this };
        match read_file(config, &given, variable, &known) {
            Ok(file) => this.file = file,
            Err(faults) => this.faults = faults,
        }
        let is_setting = |option: &Arg| {
            known.iter().any(|it| it.get_long() == option.get_long() && it.get_env() == option.get_env())
        };
        this.settings =
            options.into_iter().filter(is_setting).map(|option| this.layered(option, &given, variable)).collect();
        this
    }

    fn layered(&self, option: Arg, given: &ArgMatches, variable: Variable<'_>) -> Layered {
        let flag = given.get_raw(option.get_id().as_str()).filter(|_| is_given(given, &option));
        let flag = flag.map(|texts| texts.map(OsStr::to_owned).collect());
        let in_file =
            |file: &SettingsFile| file.settings.iter().find(|it| Some(&*it.name) == option.get_long()).cloned();
        Layered {
            flag,
            variable: option.get_env().and_then(variable),
            file: self.file.as_ref().and_then(in_file),
            option,
        }
    }

    /// The command with its options.
    ///
    /// # Errors
    /// Why it is not to be run.
    pub fn parse(&self) -> Result<Cli, Refusal> {
        if !self.faults.is_empty() {
            return Err(Refusal::File(self.faults.clone()));
        }
        Cli::try_parse_from(self.with_file()).map_err(|error| {
            let faults: Vec<_> = self.settings.iter().filter_map(|setting| self.fault_in_file(setting)).collect();
            if faults.is_empty() { Refusal::Usage(error) } else { Refusal::File(faults) }
        })
    }

    /// True if an option without a value stands on the command line.
    pub fn is_asked_for(&self, option: &str) -> bool {
        self.arguments.iter().any(|argument| argument == option)
    }

    /// The command line with the settings of the file that count.
    fn with_file(&self) -> Vec<OsString> {
        let counts = |setting: &&Layered| matches!(setting.origin(), Origin::File(_));
        let of_file = self.settings.iter().filter(counts).flat_map(Layered::arguments);
        let end = self.arguments.iter().position(|argument| argument == "--").unwrap_or(self.arguments.len());
        let (before, behind) = self.arguments.split_at(end);
        before.iter().cloned().chain(of_file).chain(behind.iter().cloned()).collect()
    }

    fn fault_in_file(&self, setting: &Layered) -> Option<String> {
        let (Origin::File(line), Some(file)) = (setting.origin(), &self.file) else { return None };
        Some(settings_file::at(&file.path, line, &self.judge(setting)?))
    }

    /// What is wrong with the value of one setting, whatever the others are.
    fn judge(&self, setting: &Layered) -> Option<String> {
        let program = ["signet"].into_iter().chain(self.command.iter().map(String::as_str)).map(OsString::from);
        let error = without_variables(Cli::command()).try_get_matches_from(program.chain(setting.arguments())).err()?;
        let of_others = [ErrorKind::MissingRequiredArgument, ErrorKind::ArgumentConflict].contains(&error.kind());
        (!of_others).then(|| first_paragraph(&error))
    }

    /// All that is wrong with what was given, as far as it shows before the command runs.
    pub fn faults(&self, variables: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
        let mut faults = self.faults.clone();
        faults.extend(environment::unknown(variables, &Cli::command()));
        for setting in self.settings.iter().filter(|setting| setting.origin() != Origin::Default) {
            let fault = match (setting.origin(), setting.option.get_env()) {
                (Origin::File(_), _) => self.fault_in_file(setting),
                (Origin::Variable, Some(name)) => {
                    self.judge(setting).map(|fault| format!("the environment variable {}: {fault}", name.display()))
                }
                _ => self.judge(setting),
            };
            faults.extend(fault);
        }
        if let (true, Err(Refusal::Usage(error))) = (faults.is_empty(), self.parse()) {
            faults.push(first_paragraph(&error));
        }
        faults
    }
}

/// The command and the options of a command line, of which nothing is judged yet. `None` if it
/// asks for help, or cannot be read.
fn given(arguments: &[OsString]) -> Option<(Vec<String>, ArgMatches)> {
    let unjudged = as_texts(without_variables(Cli::command()));
    let matches = match unjudged.clone().try_get_matches_from(arguments) {
        // What is missing can stand in the file.
        Err(error) if error.kind() == ErrorKind::MissingRequiredArgument => {
            unjudged.ignore_errors(true).try_get_matches_from(arguments)
        }
        matches => matches,
    };
    let (mut path, mut matches) = (Vec::new(), matches.ok()?);
    while let Some((name, inner)) = matches.remove_subcommand() {
        path.push(name);
        matches = inner;
    }
    Some((path, matches))
}

fn is_given(given: &ArgMatches, option: &Arg) -> bool {
    given.value_source(option.get_id().as_str()) == Some(clap::parser::ValueSource::CommandLine)
}

/// The command without the environment.
fn without_variables(command: Command) -> Command {
    command.mut_args(|option| option.env(Resettable::<builder::OsStr>::Reset)).mut_subcommands(without_variables)
}

/// The command with a text for each value.
fn as_texts(command: Command) -> Command {
    let as_text = |option: Arg| {
        if option.get_action().takes_values() { option.value_parser(clap::value_parser!(OsString)) } else { option }
    };
    command.mut_args(as_text).mut_subcommands(as_texts)
}

fn read_file(
    config: &Arg,
    given: &ArgMatches,
    variable: Variable<'_>,
    known: &[Arg],
) -> Result<Option<SettingsFile>, Vec<String>> {
    let flag = given.get_raw(CONFIG).filter(|_| is_given(given, config)).and_then(|mut texts| texts.next());
    let named = flag.map(OsStr::to_owned).or_else(|| config.get_env().and_then(variable));
    // The parser of options says what is wrong with a text that is no place.
    match named.map(|text| text.to_string_lossy().parse::<ConfigPlace>()) {
        Some(Ok(ConfigPlace::At(path))) => settings_file::read(&path, true, known),
        Some(Ok(ConfigPlace::Nowhere) | Err(_)) => Ok(None),
        None => settings_file::read(Path::new(USUAL_FILE), false, known),
    }
}

/// What an error says, in one line and without the help.
fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines: Vec<_> = text.lines().take_while(|line| !line.is_empty()).map(str::trim).collect();
    let text = lines.join(" ");
    text.strip_prefix("error: ").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use clap::ArgAction;

    use super::*;
    use crate::commands::Command as Run;

    const NOTHING: Variable<'static> = &|_| None;

    fn read(file: &str, arguments: &[&str], variable: Variable<'_>) -> Layers {
        let (path, name) = (tempfile::NamedTempFile::new().expect("a file"), "--config");
        std::fs::write(path.path(), file).expect("written");
        let arguments = ["signet"].iter().chain(arguments).map(OsString::from);
        Layers::read(arguments.chain([name.into(), path.path().into()]), variable)
    }

    fn found<'l>(layers: &'l Layers, name: &str) -> &'l Layered {
        layers.settings.iter().find(|setting| setting.name() == name).unwrap_or_else(|| panic!("no setting {name}"))
    }

    #[test]
    fn every_option_of_serve_can_be_set_by_the_file() {
        for option in settings() {
            let name = option.get_long().expect("a name");
            let is_switch = matches!(option.get_action(), ArgAction::SetTrue);
            let file = format!("{name} = {}", if is_switch { "true" } else { "'a text'" });
            for command in [&["serve"][..], &["config", "check"], &["doctor"]] {
                let layers = read(&file, command, NOTHING);
                assert_eq!(layers.faults, [""; 0], "{name}");
                let setting = found(&layers, name);
                assert_eq!(setting.origin(), Origin::File(1), "{name}");
                assert_eq!(setting.values(), [if is_switch { "true" } else { "a text" }], "{name}");
                // And so the command gets it.
                let unjudged = as_texts(without_variables(Cli::command())).ignore_errors(true);
                let mut matches = unjudged.try_get_matches_from(layers.with_file()).expect(name);
                while let Some((_, inner)) = matches.remove_subcommand() {
                    matches = inner;
                }
                assert!(is_given(&matches, &option), "{name} for {command:?}");
            }
        }
    }

    #[test]
    fn every_default_can_be_written_into_the_file() {
        let mut file = String::new();
        for option in settings() {
            if let [default] = option.get_default_values()
                && option.get_action().takes_values()
            {
                writeln!(file, "{} = '{}'", option.get_long().expect("a name"), default.display()).expect("text");
            }
        }
        assert!(file.lines().count() > 20, "{file}");
        let layers = read(&file, &["serve"], NOTHING);
        let cli = layers.parse().expect("valid");
        let Run::Serve(with_file) = cli.command else { panic!("not serve") };
        let bare = Cli::try_parse_from(["signet", "serve"]).expect("valid");
        let Run::Serve(without) = bare.command else { panic!("not serve") };
        let but_config = |args: String| match args.split_once("config: Some(At(") {
            Some((before, behind)) => [before, "config: None", behind.split_once("))").expect("its end").1].concat(),
            None => args,
        };
        assert_eq!(but_config(format!("{with_file:?}")), but_config(format!("{without:?}")));
    }

    #[test]
    fn an_option_comes_before_its_variable_that_before_the_file_and_that_before_the_default() {
        let file = "budget = '1s'\nlease = '2m'\ntrust-ca = ['file.pem']\nmax-connections = 7\n";
        let variable: Variable<'_> = &|name| match name.to_str() {
            Some("SIGNET_LEASE") => Some("3m".into()),
            Some("SIGNET_BUDGET") => Some("2s".into()),
            _ => None,
        };
        let layers = read(file, &["serve", "--budget", "3s", "--trust-ca", "flag.pem"], variable);
        for (name, values, origin) in [
            ("budget", "3s", Origin::Flag),
            ("trust-ca", "flag.pem", Origin::Flag),
            ("lease", "3m", Origin::Variable),
            ("max-connections", "7", Origin::File(4)),
            ("max-hanging", "4096", Origin::Default),
        ] {
            assert_eq!(found(&layers, name).values(), [values], "{name}");
            assert_eq!(found(&layers, name).origin(), origin, "{name}");
        }
        let line: Vec<_> = layers.with_file().iter().map(|it| it.display().to_string()).collect();
        assert_eq!(line[line.len() - 1], "--max-connections=7");
        assert!(!line.iter().any(|it| it.contains("file.pem") || it.contains("--lease")), "{line:?}");
    }

    #[test]
    fn what_an_option_needs_beside_it_can_stand_in_the_file() {
        let file = "mail-from = 'a@example.com'\npublic-url = 'https://signet.example'\n";
        assert!(read(file, &["serve", "--smtp-url", "smtp://localhost"], NOTHING).parse().is_ok());
        let Err(Refusal::Usage(error)) = read("smtp-url = 'smtp://localhost'", &["serve"], NOTHING).parse() else {
            panic!("mail has a sender")
        };
        assert!(error.to_string().contains("--mail-from"), "{error}");
    }

    #[test]
    fn a_value_that_cannot_be_used_is_told_by_its_line() {
        let layers = read("dev = true\nlisten = 'somewhere'\nbudget = 0\n", &["serve"], NOTHING);
        let Err(Refusal::File(faults)) = layers.parse() else { panic!("refused") };
        assert_eq!(faults.len(), 2);
        assert!(
            faults.iter().any(|it| it.contains(":2: invalid value 'somewhere' for '--listen <ADDRESS>'")),
            "{faults:?}"
        );
        assert!(faults.iter().any(|it| it.contains(":3: invalid value '0' for '--budget <TIME>'")), "{faults:?}");
        // Who gives it otherwise need not care.
        assert!(read("listen = 'somewhere'", &["serve", "--listen", "127.0.0.1:1"], NOTHING).parse().is_ok());
    }

    #[test]
    fn commands_take_what_they_share_with_serve_and_those_of_developers_read_no_file() {
        let file =
            |listen| format!("database = 'sqlite:other.db'\nlease = '2m'\nlog-level = 'debug'\nlisten = '{listen}'\n");
        let shared_of = |file: &str, arguments| {
            let layers = read(file, arguments, NOTHING);
            assert!(layers.parse().is_ok(), "{arguments:?}");
            let given = layers.settings.iter().filter(|setting| setting.origin() != Origin::Default);
            given.map(|setting| setting.name().to_owned()).collect::<Vec<_>>()
        };
        let shared = |arguments| shared_of(&file("somewhere"), arguments);
        assert_eq!(shared(&["check"]), ["lease", "database", "log-level"]);
        assert_eq!(shared(&["key", "list"]), ["database", "log-level"]);
        let of_links = shared_of(&file("127.0.0.1:1"), &["account", "add", "acme"]);
        assert_eq!(of_links, ["listen", "database", "log-level"]);
        let layers = Layers::read(["signet", "send", "a.b", "--key", "k"].map(OsString::from), NOTHING);
        assert!(layers.settings.is_empty() && layers.file.is_none());
    }

    #[test]
    fn settings_of_the_file_stand_before_what_is_no_option() {
        let layers = read("log-level = 'debug'", &["account", "add"], NOTHING);
        let arguments = ["signet", "account", "add", "--", "--acme"].map(OsString::from);
        let layers = Layers { arguments: arguments.to_vec(), ..layers };
        assert_eq!(layers.with_file()[3..], ["--log-level=debug", "--", "--acme"].map(OsString::from));
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let variable: Variable<'_> = &|name| (name == "SIGNET_BUDGET").then(|| "never".into());
        let layers =
            read("lease = 'soon'\nmax-connections = 0", &["config", "check", "--stop-limit", "later"], variable);
        let faults = layers.faults([("SIGNET_LISTN".into(), "x".into())].into_iter()).join("\n");
        for words in [
            "SIGNET_LISTN is not known",
            "variable SIGNET_BUDGET: invalid value 'never'",
            ":1: invalid value 'soon'",
            ":2: invalid value '0'",
            "'later' for '--stop-limit",
        ] {
            assert!(faults.contains(words), "{words}: {faults}");
        }
        assert_eq!(faults.lines().count(), 5, "{faults}");
    }
}
