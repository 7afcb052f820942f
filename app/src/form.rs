//! Forms: their fields, the values in them, and the errors beside them.

mod conflict;

use std::str::FromStr;

use axum::{
    extract::{FromRequest, Request},
    http::StatusCode,
};
use signet_model::{
    Subscriptions,
    subscriptions::{InvalidSubscriptions, MAX_SELECTORS, Selector},
};

pub(crate) use conflict::{Conflict, Difference, Part, VERSION};

use crate::{error::PageError, state::AppState, words};

/// The one-time id of a form that makes something: sent twice, it makes one.
pub(crate) const FORM_ID: Field = Field::named("form-id");

/// A mark on a request: its form is shown again with what was typed, and not applied. The
/// sentence says why.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reviewing(pub(crate) &'static str);

/// A field of a form. Each screen declares its fields once; its page, its handlers
/// and its tests refer to the declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    /// The `type` of the `<input>`.
    pub(crate) kind: &'static str,
    pub(crate) optional: bool,
    pub(crate) autocomplete: &'static str,
    pub(crate) placeholder: &'static str,
    pub(crate) inputmode: &'static str,
    pub(crate) maxlength: Option<u32>,
    /// `true` for letters of one width, as those of code.
    pub(crate) mono: bool,
    /// `true` for what is never kept outside its page: passwords, codes and secrets.
    pub(crate) secret: bool,
}

impl Field {
    /// A line of text.
    pub(crate) const fn text(name: &'static str, label: &'static str) -> Self {
        Self {
            name,
            label,
            hint: "",
            kind: "text",
            optional: false,
            autocomplete: "off",
            placeholder: "",
            inputmode: "",
            maxlength: None,
            mono: false,
            secret: false,
        }
    }

    /// A field that is not shown, or that is drawn by its screen.
    pub(crate) const fn named(name: &'static str) -> Self {
        Self::text(name, "")
    }

    /// The field, whose value is never kept outside its page.
    pub(crate) const fn secret(self) -> Self {
        Self { secret: true, ..self }
    }
}

/// The value of a field is invalid; its form has the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Invalid;

/// A form as it is shown or was sent: its values, in order, and its errors.
/// Names repeat where several checkboxes are ticked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Form {
    values: Vec<(String, String)>,
    errors: Vec<(&'static str, String)>,
    refusal: Option<String>,
    focus: Option<&'static str>,
    /// What was typed is shown, and nothing is applied.
    reviewing: bool,
    conflict: Option<Conflict>,
}

impl Form {
    /// An untouched form.
    pub(crate) fn blank() -> Self {
        Self::default()
    }

    /// The form with a value in a field.
    pub(crate) fn with(mut self, field: &Field, value: impl ToString) -> Self {
        self.values.push((field.name.to_owned(), value.to_string()));
        self
    }

    /// The form with event types ticked.
    pub(crate) fn with_selectors(self, field: &Field, selectors: impl IntoIterator<Item = Selector>) -> Self {
        selectors.into_iter().fold(self, |form, selector| form.with(field, selector))
    }

    /// The form with the values of a field in another form of writing.
    pub(crate) fn rewritten(mut self, field: &Field, write: impl Fn(&str) -> String) -> Self {
        for (_, value) in self.values.iter_mut().filter(|(name, _)| name == field.name) {
            *value = write(value);
        }
        self
    }

    /// The form with the focus on a field, as long as no field is invalid.
    pub(crate) fn focused(mut self, field: &Field) -> Self {
        self.focus = Some(field.name);
        self
    }

    /// The form with an error beside a field.
    pub(crate) fn invalid(mut self, field: &Field, message: impl Into<String>) -> Self {
        self.errors.push((field.name, message.into()));
        self
    }

    /// The form, refused as a whole.
    pub(crate) fn refused(mut self, message: impl Into<String>) -> Self {
        self.refusal = Some(message.into());
        self
    }

    /// The value of a field; empty if it was not sent.
    pub(crate) fn get(&self, field: &Field) -> &str {
        self.named(field.name)
    }

    /// All values of a field that repeats, in order.
    pub(crate) fn all(&self, field: &Field) -> impl Iterator<Item = &str> {
        let name = field.name;
        self.values.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The value of the field with this name; empty if it was not sent.
    pub(crate) fn named(&self, name: &str) -> &str {
        self.values.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All selectors of event types that are ticked. Other texts are left out.
    pub(crate) fn selectors(&self, field: &Field) -> Vec<Selector> {
        let values = self.values.iter().filter(|(name, _)| name == field.name);
        values.filter_map(|(_, value)| value.parse().ok()).collect()
    }

    /// The rest of the names of the fields that begin so and have this value.
    pub(crate) fn names_after<'f>(&'f self, prefix: &'f str, value: &'f str) -> impl Iterator<Item = &'f str> {
        let chosen = self.values.iter().filter(move |(_, chosen)| chosen == value);
        chosen.filter_map(move |(name, _)| name.strip_prefix(prefix))
    }

    /// The form with this before the names of all fields, and without passwords.
    pub(crate) fn kept(self, prefix: &str) -> Self {
        let values = self.values.into_iter().filter(|(name, _)| !name.contains("password"));
        Self { values: values.map(|(name, value)| (format!("{prefix}{name}"), value)).collect(), ..Self::default() }
    }

    /// The fields whose names begin so, with the rest of their names, and their values.
    pub(crate) fn prefixed<'f>(&'f self, prefix: &'f str) -> impl Iterator<Item = (&'f str, &'f str)> {
        self.values.iter().filter_map(move |(name, value)| Some((name.strip_prefix(prefix)?, value.as_str())))
    }

    /// The fields of a form as it was sent.
    pub(crate) fn of_body(body: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(body);
        Self { values: pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect(), ..Self::default() }
    }

    /// Returns `true` if no value was sent.
    pub(crate) fn is_blank(&self) -> bool {
        self.values.is_empty()
    }

    /// Parses a field; notes the error, in the words of the screen, beside it.
    pub(crate) fn parse<T: FromStr>(
        &mut self,
        field: &Field,
        words: impl FnOnce(T::Err) -> String,
    ) -> Result<T, Invalid> {
        let parsed = self.get(field).parse();
        self.check(field, parsed, words)
    }

    /// Parses a field that may be empty.
    pub(crate) fn parse_optional<T: FromStr>(
        &mut self,
        field: &Field,
        words: impl FnOnce(T::Err) -> String,
    ) -> Result<Option<T>, Invalid> {
        match self.get(field).trim() {
            "" if self.reviewing => Err(Invalid),
            "" => Ok(None),
            text => {
                let parsed = text.parse();
                self.check(field, parsed, words).map(Some)
            }
        }
    }

    /// Reads the event types that are ticked, of which there must be one.
    pub(crate) fn subscriptions(&mut self, field: &Field) -> Result<Subscriptions, Invalid> {
        let types = Subscriptions::new(self.selectors(field));
        self.check(field, types, |error| match error {
            InvalidSubscriptions::Empty => words::NO_EVENT_TYPE.to_owned(),
            InvalidSubscriptions::TooMany => words::too_many_event_types(MAX_SELECTORS),
        })
    }

    /// Notes the error of a field beside it.
    pub(crate) fn check<T, E>(
        &mut self,
        field: &Field,
        read: Result<T, E>,
        words: impl FnOnce(E) -> String,
    ) -> Result<T, Invalid> {
        if self.reviewing {
            return Err(Invalid);
        }
        read.map_err(|error| {
            self.errors.push((field.name, words(error)));
            Invalid
        })
    }

    /// The error beside a field.
    pub(crate) fn error(&self, field: &Field) -> Option<&str> {
        self.errors.iter().find(|(name, _)| *name == field.name).map(|(_, message)| message.as_str())
    }

    /// The reason for which the whole form was refused.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// All errors, each with the name of its field.
    pub(crate) fn errors(&self) -> &[(&'static str, String)] {
        &self.errors
    }

    /// Returns `true` for the field that takes the focus. In a form that was refused that is
    /// none: the summary of its errors has it.
    pub(crate) fn has_focus(&self, field: &Field) -> bool {
        self.status().is_success() && self.focus == Some(field.name)
    }

    /// Returns `true` if what was typed is to be shown, and nothing to be applied: each field
    /// that is read counts as invalid, without an error beside it.
    pub(crate) const fn is_reviewing(&self) -> bool {
        self.reviewing
    }

    /// The status of a page with this form.
    pub(crate) fn status(&self) -> StatusCode {
        match (&self.conflict, self.errors.is_empty() && self.refusal.is_none()) {
            (_, false) => StatusCode::UNPROCESSABLE_ENTITY,
            (Some(_), true) => StatusCode::CONFLICT,
            (None, true) => StatusCode::OK,
        }
    }
}

impl FromRequest<AppState> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, state: &AppState) -> Result<Self, PageError> {
        let reviewing = request.extensions().get::<Reviewing>().is_some();
        let axum::Form(values) = axum::Form::from_request(request, state).await.map_err(|_| PageError::Unreadable)?;
        Ok(Self { values, reviewing, ..Self::default() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: Field = Field::text("url", "URL");
    const EVENTS: Field = Field::named("event");

    #[test]
    fn repeated_fields_are_all_kept() {
        let form =
            Form::blank().with(&EVENTS, "task.failed").with(&URL, "u").with(&EVENTS, "order.*").with(&EVENTS, "A");
        let selectors: Vec<_> = form.selectors(&EVENTS).iter().map(ToString::to_string).collect();
        assert_eq!(selectors, ["task.failed", "order.*"]);
        assert_eq!((form.get(&URL), form.get(&Field::named("absent"))), ("u", ""));
    }

    #[test]
    fn the_fields_of_a_form_that_is_refused_leave_the_focus_to_the_summary() {
        let form = Form::blank().focused(&EVENTS);
        assert!(form.has_focus(&EVENTS) && form.status().is_success());
        let form = form.invalid(&URL, "Enter a URL.").invalid(&EVENTS, "Choose an event.");
        assert!(!form.has_focus(&URL) && !form.has_focus(&EVENTS));
        assert_eq!((form.error(&EVENTS), form.errors().len()), (Some("Choose an event."), 2));
        assert_eq!(form.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }

    #[test]
    fn a_form_under_review_has_its_values_and_nothing_to_apply() {
        let mut form = Form { reviewing: true, ..Form::blank().with(&URL, "7").with(&EVENTS, "task.failed") };
        assert_eq!(form.parse::<u32>(&URL, |_| String::new()), Err(Invalid));
        assert_eq!(form.parse_optional::<u32>(&Field::named("absent"), |_| String::new()), Err(Invalid));
        assert!(form.subscriptions(&EVENTS).is_err());
        assert!(form.errors().is_empty() && form.status().is_success() && form.get(&URL) == "7");
    }
}
