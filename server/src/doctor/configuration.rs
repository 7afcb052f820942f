//! The settings, and the files that they name.

use super::Finding;
use crate::{commands::serve::ServeArgs, config::Layers};

const CHECK: &str = "configuration";

/// Checks the settings.
pub fn check(layers: &Layers, serve: &ServeArgs) -> Vec<Finding> {
    let of_files = serve.faults().into_iter().map(|fault| format!("{fault:#}"));
    let faults: Vec<_> = layers.faults(std::env::vars_os()).into_iter().chain(of_files).collect();
    if !faults.is_empty() {
        return of_faults(faults);
    }
    let file = layers.file.as_ref().map_or("no configuration file".to_owned(), |it| it.path.display().to_string());
    let given = layers.settings.iter().filter(|setting| !setting.is_default()).count();
    vec![Finding::ok(CHECK, format!("{file}; {given} settings are given, the others have their defaults"))]
}

/// A finding for each fault.
pub fn of_faults(faults: Vec<String>) -> Vec<Finding> {
    let advice = "correct it; `signet config check` shows all settings and where each comes from";
    faults.into_iter().map(|fault| Finding::failed(CHECK, fault, advice)).collect()
}
