//! Lists, a page at a time: `limit`, `cursor`, and the `Link` to the next page (RFC 8288).

use std::{borrow::Cow, fmt::Display, str::FromStr};

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderValue, Uri, header, request::Parts},
    response::{IntoResponse, Response},
};
use serde::{
    Deserialize, Serialize,
    de::{DeserializeOwned, value::MapDeserializer},
};
use utoipa::{IntoParams, ToSchema};

use crate::{access::Api, json::words, problem::Problem};

/// The largest page, in rows.
const MAX_LIMIT: u32 = 100;
/// A page without a choice.
const DEFAULT_LIMIT: u32 = 50;

/// The parameters of every list, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "described here, and read by `List`")]
pub struct PageParams {
    /// The most entries of the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<u32>,
    /// The place after which the page begins: `nextCursor` of the page before.
    cursor: Option<String>,
}

/// No parameters beside those of every list.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NoFilter {}

/// The page that a request asks for: entries behind the place `after`, and the parameters `F`
/// of the operation. Members of `F` are read from texts: see [`crate::json::members`].
#[derive(Debug)]
pub struct List<C, F = NoFilter> {
    /// The place after which the page begins.
    pub after: Option<C>,
    /// The other parameters.
    pub filter: F,
    limit: u32,
    uri: Uri,
}

impl<C: Display, F> List<C, F> {
    /// The number of rows to read: one more than the page has shows that it is not the last.
    pub const fn rows(&self) -> u32 {
        self.limit + 1
    }

    /// The answer with these rows, of which [`List::rows`] were asked for. The next page begins
    /// behind the place `place` of the last one shown.
    pub fn page<R, T>(&self, mut rows: Vec<R>, place: impl Fn(&R) -> C, show: impl FnMut(R) -> T) -> Page<T> {
        let limit = self.limit as usize;
        let next = if rows.len() > limit { rows[..limit].last().map(place) } else { None };
        rows.truncate(limit);
        self.page_until(rows.into_iter().map(show).collect(), next.as_ref())
    }

    /// The answer with these entries, where the next page begins behind `next`.
    pub fn page_until<T>(&self, data: Vec<T>, next: Option<&C>) -> Page<T> {
        let next_cursor = next.map(ToString::to_string);
        let link = next_cursor.as_ref().and_then(|cursor| self.link(cursor));
        Page { link, entries: Entries { data, next_cursor } }
    }

    fn link(&self, cursor: &str) -> Option<HeaderValue> {
        let kept = pairs(&self.uri).filter(|(name, _)| name != "cursor");
        let next = kept.chain([("cursor".into(), cursor.into())]);
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(next).finish();
        HeaderValue::try_from(format!("<{}?{query}>; rel=\"next\"", self.uri.path())).ok()
    }
}

fn pairs(uri: &Uri) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
}

impl<C, F> FromRequestParts<Api> for List<C, F>
where
    C: FromStr + Send,
    F: DeserializeOwned + Send,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Api) -> Result<Self, Problem> {
        read(&parts.uri)
    }
}

fn read<C: FromStr, F: DeserializeOwned>(uri: &Uri) -> Result<List<C, F>, Problem> {
    let (mut limit, mut after, mut others) = (None, None, Vec::new());
    for (name, value) in pairs(uri) {
        match &*name {
            "limit" => set(&mut limit, "limit", read_limit(&value)?)?,
            "cursor" => {
                let message = "is not the nextCursor of a page; leave it out for the first one";
                set(&mut after, "cursor", value.parse().map_err(|_| Problem::parameter("cursor", message))?)?;
            }
            _ => others.push((name, value)),
        }
    }
    let filter = members(others)?;
    Ok(List { after, filter, limit: limit.unwrap_or(DEFAULT_LIMIT), uri: uri.clone() })
}

/// The parameters of an operation that is no list.
///
/// # Errors
/// One of them is unknown, or not valid.
pub fn query<F: DeserializeOwned>(uri: &Uri) -> Result<F, Problem> {
    members(pairs(uri).collect())
}

fn members<F: DeserializeOwned>(pairs: Vec<(Cow<'_, str>, Cow<'_, str>)>) -> Result<F, Problem> {
    let members = MapDeserializer::<_, serde::de::value::Error>::new(pairs.into_iter());
    serde_path_to_error::deserialize(members).map_err(|error| {
        let mut name = error.path().to_string();
        let mut pointer = if name == "." { String::new() } else { format!("/{name}") };
        let message = words(&mut pointer, &error.into_inner().to_string());
        pointer.trim_start_matches('/').clone_into(&mut name);
        Problem::parameter(&name, &message)
    })
}

fn read_limit(text: &str) -> Result<u32, Problem> {
    let limit = text.parse().ok().filter(|limit| (1..=MAX_LIMIT).contains(limit));
    limit.ok_or_else(|| Problem::parameter("limit", "must be a whole number from 1 to 100"))
}

fn set<T>(place: &mut Option<T>, name: &str, value: T) -> Result<(), Problem> {
    if place.replace(value).is_some() { Err(Problem::parameter(name, "is there twice")) } else { Ok(()) }
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    entries: Entries<T>,
    link: Option<HeaderValue>,
}

/// A page of a list, as it is answered.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Entries<T> {
    /// The entries, in the order of the list.
    data: Vec<T>,
    /// The cursor of the next page; `null` on the last one.
    next_cursor: Option<String>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let mut response = Json(self.entries).into_response();
        response.headers_mut().extend(self.link.map(|link| (header::LINK, link)));
        response
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::json::members;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Filter {
        #[serde(default, deserialize_with = "members::parsed_if_given")]
        is_test: Option<bool>,
    }

    fn list(query: &str) -> Result<List<u32, Filter>, Problem> {
        read(&format!("/v1/things?{query}").parse().expect("a URI"))
    }

    #[test]
    fn a_page_tells_its_successor() {
        let list = list("limit=2&isTest=true&cursor=7").expect("valid");
        assert_eq!((list.after, list.filter.is_test, list.rows()), (Some(7), Some(true), 3));
        let page = list.page(vec![8, 9, 10], |&row| row, |row| row.to_string());
        assert_eq!(json!(page.entries), json!({"data": ["8", "9"], "nextCursor": "9"}));
        let link = page.link.expect("a link");
        assert_eq!(link, "</v1/things?limit=2&isTest=true&cursor=9>; rel=\"next\"");
        let end = list.page(vec![8, 9], |&row| row, |row| row);
        assert_eq!((json!(end.entries), end.link), (json!({"data": [8, 9], "nextCursor": null}), None));
    }

    #[test]
    fn a_parameter_that_is_not_valid_is_named() {
        for (query, name, message) in [
            ("limit=0", "limit", "must be a whole number from 1 to 100"),
            ("limit=101", "limit", "must be a whole number from 1 to 100"),
            ("limit=1&limit=2", "limit", "is there twice"),
            ("cursor=x", "cursor", "is not the nextCursor of a page; leave it out for the first one"),
            ("order=asc", "order", "is not known here; remove it"),
            ("isTest=maybe", "isTest", "provided string was not `true` or `false`"),
        ] {
            let json: Value = json!(list(query).expect_err(query));
            let error = &json["errors"][0];
            assert_eq!((error["parameter"].as_str(), error["detail"].as_str()), (Some(name), Some(message)), "{query}");
            assert_eq!(json["code"], "invalid_parameter");
        }
    }
}
