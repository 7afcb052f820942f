//! What a list of deliveries is asked for, as it stands in the address.

use signet_engine::service::deliveries::{Filter, IdPrefix, Position, ResultClass};
use signet_model::{DeliveryId, EndpointId, Timestamp, delivery::State, event::EventType};

use super::text;
use crate::{
    form::{Field, Form, Invalid},
    instants::{self, End},
    pages::delivery_log,
};

pub(crate) const SEARCH: Field =
    Field { placeholder: text::SEARCH_PLACEHOLDER, optional: true, kind: "search", ..Field::text("q", text::SEARCH) };
pub(crate) const STATE: Field = Field::text("state", text::STATE);
pub(crate) const RESULT: Field = Field::text("result", text::RESULT);
pub(crate) const STATUS: Field = Field {
    placeholder: text::STATUS_PLACEHOLDER,
    optional: true,
    inputmode: "numeric",
    maxlength: Some(3),
    ..Field::text("status", text::STATUS)
};
pub(crate) const WEBHOOK: Field = Field::text("webhook", text::WEBHOOK);
pub(crate) const TYPE: Field = Field::text("type", text::TYPE);
pub(crate) const FROM: Field = Field { kind: "datetime-local", optional: true, ..Field::text("from", text::FROM) };
pub(crate) const TO: Field = Field { kind: "datetime-local", optional: true, ..Field::text("to", text::TO) };
const BEFORE: Field = Field::named("before");
const SHOW: Field = Field::named("show");

/// The characters of a search that are read.
const SEARCH_MAX: usize = 200;

/// The list that is asked for. Values that no page offers are ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// The webhook whose own list it is; `None` for the list of the account.
    pub(super) of: Option<EndpointId>,
    search: String,
    pub(super) state: Option<State>,
    pub(super) result: Option<ResultClass>,
    status: Option<u16>,
    pub(super) webhook: Option<EndpointId>,
    pub(super) kind: Option<EventType>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    /// The place at which the page begins.
    pub(super) before: Option<Position>,
    /// The delivery that is shown beside the list.
    pub(super) show: Option<DeliveryId>,
}

impl Query {
    /// Reads an address or a form; `Err` if what a person typed cannot be read.
    pub(crate) fn read(of: Option<EndpointId>, form: &mut Form) -> Result<Self, Invalid> {
        let status = form.parse_optional(&STATUS, |_| text::STATUS_INVALID.to_owned());
        let status = match status {
            Ok(Some(status @ 100..=999)) => Ok(Some(status)),
            Ok(Some(_)) => form.check(&STATUS, Err(()), |()| text::STATUS_INVALID.to_owned()),
            other => other,
        };
        let (from, to) = (instants::read(form, &FROM, End::First), instants::read(form, &TO, End::Last));
        Ok(Self {
            of,
            search: form.get(&SEARCH).trim().chars().take(SEARCH_MAX).collect(),
            state: form.get(&STATE).parse().ok(),
            result: form.get(&RESULT).parse().ok(),
            status: status?,
            webhook: if of.is_some() { None } else { form.get(&WEBHOOK).parse().ok() },
            kind: form.get(&TYPE).parse().ok(),
            from: from?,
            to: to?,
            before: form.get(&BEFORE).parse().ok(),
            show: form.get(&SHOW).parse().ok(),
        })
    }

    /// The whole list.
    pub(super) fn whole(of: Option<EndpointId>) -> Self {
        Self { of, ..Self::default() }
    }

    /// The list of what a filter selects, as far as an address can say it.
    pub(crate) fn of_filter(filter: &Filter) -> Self {
        let id = filter.id.as_ref().map(ToString::to_string);
        Self {
            search: id.or_else(|| filter.task.clone()).unwrap_or_default(),
            state: filter.state,
            result: filter.result,
            status: filter.status,
            webhook: filter.endpoint,
            kind: filter.event_types.iter().flatten().next().cloned(),
            from: filter.since,
            ..Self::default()
        }
    }

    pub(crate) fn filter(&self) -> Filter {
        let id: Option<IdPrefix> = self.search.parse().ok();
        Filter {
            endpoint: self.of.or(self.webhook),
            state: self.state,
            event_types: self.kind.clone().map(|kind| [kind].into()),
            since: self.from,
            until: self.to,
            result: self.result,
            status: self.status,
            task: (id.is_none() && !self.search.is_empty()).then(|| self.search.clone()),
            task_begins: id.is_none() && !self.search.is_empty(),
            id,
        }
    }

    /// Tells if the list has not all deliveries of its account or webhook.
    pub(crate) fn restricts(&self) -> bool {
        self.filter() != Filter { endpoint: self.of, ..Filter::default() }
    }

    /// The address of the whole list.
    pub(super) fn path(&self) -> String {
        self.of.map_or_else(|| super::PATH.to_owned(), delivery_log::path)
    }

    /// The address of the first page with the same filter.
    pub(crate) fn first_page(&self) -> String {
        address(&self.path(), &self.pairs())
    }

    /// The address of the first page with another state.
    pub(super) fn in_state(&self, state: Option<State>) -> String {
        Self { state, ..self.clone() }.first_page()
    }

    /// The address of the page that begins at a place.
    pub(super) fn next_page(&self, from: Position) -> String {
        self.with(&[(&BEFORE, from.to_string())])
    }

    /// The address of this page, with a delivery beside it or none.
    pub(super) fn showing(&self, show: Option<DeliveryId>) -> String {
        let before = self.before.map(|place| (&BEFORE, place.to_string()));
        let show = show.map(|id| (&SHOW, id.to_string()));
        self.with(&before.into_iter().chain(show).collect::<Vec<_>>())
    }

    fn with(&self, more: &[(&Field, String)]) -> String {
        let more = more.iter().map(|(field, value)| (field.name, value.clone()));
        address(&self.path(), &self.pairs().into_iter().chain(more).collect::<Vec<_>>())
    }

    /// The address of a page of the account about what the filter selects.
    pub(super) fn about(&self, path: &str, more: &[(&'static str, &str)]) -> String {
        let mut pairs = self.account_pairs();
        pairs.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        address(path, &pairs)
    }

    /// The names and values of the filter in the list of the account.
    pub(super) fn account_pairs(&self) -> Vec<(&'static str, String)> {
        Self { of: None, webhook: self.of.or(self.webhook), ..self.clone() }.pairs()
    }

    /// The names and values of the filter.
    fn pairs(&self) -> Vec<(&'static str, String)> {
        let pairs = [
            (&SEARCH, (!self.search.is_empty()).then(|| self.search.clone())),
            (&STATE, self.state.map(|it| it.as_str().to_owned())),
            (&RESULT, self.result.map(|it| it.as_str().to_owned())),
            (&STATUS, self.status.map(|it| it.to_string())),
            (&WEBHOOK, self.webhook.map(|it| it.to_string())),
            (&TYPE, self.kind.as_ref().map(ToString::to_string)),
            (&FROM, self.from.map(|at| at.to_string())),
            (&TO, self.to.map(|at| at.to_string())),
        ];
        pairs.into_iter().filter_map(|(field, value)| Some((field.name, value?))).collect()
    }
}

fn address(path: &str, pairs: &[(&'static str, String)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(form: Form) -> Result<Query, Invalid> {
        Query::read(None, &mut form.clone())
    }

    #[test]
    fn a_search_is_for_an_id_or_for_a_task() {
        let search = |text: &str| read(Form::blank().with(&SEARCH, text)).expect("valid").filter();
        assert!(matches!(search("msg_01k").id, Some(IdPrefix::Delivery(..))));
        assert!(matches!(search(" evt_01k ").id, Some(IdPrefix::Event(..))));
        let task = search("task_12");
        assert_eq!((task.id, task.task.as_deref(), task.task_begins), (None, Some("task_12"), true));
        assert_eq!(search("").task, None);
    }

    #[test]
    fn an_address_is_read_as_it_was_made() {
        let form = Form::blank()
            .with(&SEARCH, "a&b")
            .with(&STATE, "failed")
            .with(&RESULT, "5xx")
            .with(&STATUS, "503")
            .with(&TYPE, "task.failed")
            .with(&FROM, "2026-03-28T11:00");
        let query = read(form).expect("valid");
        let address = query.first_page();
        assert_eq!(
            address,
            "/settings/deliveries?q=a%26b&state=failed&result=5xx&status=503&type=task.failed&from=2026-03-28T11%3A00%3A00Z"
        );
        let (_, asked) = address.split_once('?').expect("a query");
        assert_eq!(read(Form::of_body(asked.as_bytes())), Ok(query.clone()));
        assert_eq!(Query::of_filter(&query.filter()), query);
        assert!(query.restricts());
    }

    #[test]
    fn what_no_page_offers_is_ignored_and_what_is_typed_is_told() {
        let form = Form::blank().with(&STATE, "lost").with(&RESULT, "6xx").with(&BEFORE, "x").with(&SHOW, "y");
        assert_eq!(read(form), Ok(Query::default()));
        for (field, wrong) in [(&STATUS, "99"), (&STATUS, "x"), (&FROM, "yesterday"), (&TO, "2026-13-01T00:00")] {
            let mut form = Form::blank().with(field, wrong);
            assert_eq!(Query::read(None, &mut form), Err(Invalid), "{wrong}");
            assert!(form.error(field).is_some());
        }
    }
}
