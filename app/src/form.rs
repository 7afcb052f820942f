//! What a form sent, and what is wrong with it.

use axum::{
    Form,
    extract::{FromRequest, Request},
};

use crate::{error::PageError, state::AppState};

/// The name under which [`Errors`] keep what is wrong with no field, but with the
/// form as a whole.
pub(crate) const FORM: &str = "form";

/// The fields of a form, in order; names can repeat, as those of checkboxes do.
#[derive(Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The value of a field; empty if it was not sent.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).next().unwrap_or_default()
    }

    /// Whether nothing was sent at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl FromRequest<AppState> for Fields {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let Form(pairs) = Form::from_request(request, state).await.map_err(|_| PageError::Unreadable)?;
        Ok(Self(pairs))
    }
}

/// What is wrong, by field. The message says what to do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Errors(Vec<(&'static str, String)>);

impl Errors {
    /// One field is wrong.
    pub(crate) fn one(field: &'static str, message: impl ToString) -> Self {
        Self(vec![(field, message.to_string())])
    }

    /// Another field is wrong too.
    pub(crate) fn add(&mut self, field: &'static str, message: impl ToString) {
        self.0.push((field, message.to_string()));
    }

    /// What is wrong with a field.
    pub(crate) fn get(&self, field: &str) -> Option<String> {
        self.0.iter().find(|(name, _)| *name == field).map(|(_, message)| message.clone())
    }

    /// Whether this is the first field to correct.
    pub(crate) fn is_first(&self, field: &str) -> bool {
        self.0.first().is_some_and(|(name, _)| *name == field)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_fields_are_all_kept() {
        let pairs = [("event", "a"), ("url", "u"), ("event", "b")];
        let fields = Fields(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
        assert_eq!(fields.all("event").collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((fields.get("url"), fields.get("absent")), ("u", ""));
    }

    #[test]
    fn only_the_first_error_takes_the_focus() {
        let mut errors = Errors::one("url", "Enter a URL.");
        errors.add("event", "Choose an event.");
        assert!(errors.is_first("url") && !errors.is_first("event"));
        assert_eq!(errors.get("event").as_deref(), Some("Choose an event."));
    }
}
