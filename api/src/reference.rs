//! The reference under `/docs/api`: the document as a page for people. It needs no session, no
//! script and no third party, and is made anew with each request, as its event types change.

mod html;
mod schema;

use std::collections::BTreeMap;

use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, header},
    response::{Html, IntoResponse},
    routing::get,
};
use serde_json::Value;
use signet_model::payload::indented;

use crate::{
    access::Api,
    document,
    problem::{Code, Problem},
};
use html::{Page, text_of};
use schema::Use;

/// The page, which uses the style sheet at this path.
pub fn router(api: Api, stylesheet: String) -> Router {
    Router::new().route("/docs/api", get(show)).with_state((api, stylesheet))
}

const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
        ),
    ),
];

async fn show(State((api, stylesheet)): State<(Api, String)>) -> Result<impl IntoResponse, Problem> {
    let document = document::whole(&api).await?;
    let catalogue = api.intake().catalogue().await?;
    let sample = |entry| indented(&document::webhooks::sample(&catalogue, entry));
    let samples = catalogue.active().map(|entry| (entry.name.to_string(), sample(entry))).collect();
    Ok((HEADERS, Html(page(&document, &samples, &stylesheet))))
}

/// A body of each type, as it is sent: the document has no order of members.
type Samples = BTreeMap<String, String>;

/// One operation, with its place in the document.
struct Operation<'d> {
    method: &'d str,
    path: &'d str,
    described: &'d Value,
}

impl Operation<'_> {
    fn id(&self) -> &str {
        text_of(&self.described["operationId"])
    }

    /// The summary, as a heading.
    fn title(&self) -> &str {
        text_of(&self.described["summary"]).trim_end_matches('.')
    }
}

/// The operations of a tag, in the order of the document.
fn operations<'d>(document: &'d Value, tag: &str) -> Vec<Operation<'d>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let all = paths.flat_map(|(path, item)| {
        let item = item.as_object().into_iter().flatten();
        item.map(move |(method, described)| Operation { method, path, described })
    });
    all.filter(|one| one.described["tags"][0] == tag).collect()
}

fn page(document: &Value, samples: &Samples, stylesheet: &str) -> String {
    let mut page = Page::new("API", stylesheet);
    let tags: Vec<_> = document["tags"].as_array().into_iter().flatten().collect();
    page.open("header class=\"top-bar\"");
    page.raw("<a class=\"brand\" href=\"/\">Signet</a>");
    page.raw("<a class=\"top-bar-account\" href=\"/openapi.json\">openapi.json</a>");
    page.raw("<div class=\"top-bar-user\"><a href=\"/docs/\">Documentation</a></div>");
    page.close("header");
    page.open("div class=\"reference\"");
    contents(&mut page, document, &tags);
    page.open("main id=\"main\" class=\"reference-main\"");
    page.element("h1", "The API");
    page.prose(text_of(&document["info"]["description"]));
    for tag in &tags {
        section(&mut page, document, tag);
    }
    webhooks(&mut page, document, samples);
    problems(&mut page);
    page.close("main");
    page.close("div");
    page.finish()
}

/// The table of contents, folded: all operations together are longer than a screen.
fn contents(page: &mut Page, document: &Value, tags: &[&Value]) {
    page.open("nav class=\"reference-nav\" aria-label=\"Operations\"");
    for tag in tags {
        let name = text_of(&tag["name"]);
        let operations = operations(document, name);
        if operations.is_empty() {
            continue;
        }
        page.open("details");
        page.element("summary", name);
        page.open("ul");
        for operation in operations {
            page.link_item(operation.id(), operation.title());
        }
        page.close("ul");
        page.close("details");
    }
    page.open("ul");
    page.link_item("webhooks", "What webhooks get");
    page.link_item("problems", "Problems");
    page.close("ul");
    page.close("nav");
}

fn section(page: &mut Page, document: &Value, tag: &Value) {
    let name = text_of(&tag["name"]);
    let operations = operations(document, name);
    if operations.is_empty() {
        return;
    }
    page.element("h2", name);
    page.prose(text_of(&tag["description"]));
    for operation in operations {
        describe(page, document, &operation);
    }
}

fn describe(page: &mut Page, document: &Value, operation: &Operation<'_>) {
    let described = operation.described;
    page.open(&format!("section class=\"card\" id=\"{}\"", operation.id()));
    page.element("h3", operation.title());
    page.open("p class=\"reference-path\"");
    page.element("strong", &operation.method.to_uppercase());
    page.element("code", operation.path);
    page.close("p");
    page.prose(text_of(&described["description"]));
    if let Some(scope) = described["security"][0]["key"][0].as_str() {
        page.prose(&format!("The key needs the scope `{scope}`."));
    }
    parameters(page, document, described);
    if let Some(body) = content(&described["requestBody"]) {
        page.element("h4", "Body");
        schema::members(page, document, &body["schema"], Use::Request);
        if !body["example"].is_null() {
            page.example(&serde_json::to_string_pretty(&body["example"]).unwrap_or_default());
        }
    }
    responses(page, document, described);
    page.close("section");
}

/// The one kind of content of a body or a response.
fn content(holder: &Value) -> Option<&Value> {
    holder["content"].as_object()?.values().next()
}

fn parameters(page: &mut Page, document: &Value, described: &Value) {
    let Some(parameters) = described["parameters"].as_array().filter(|list| !list.is_empty()) else { return };
    page.element("h4", "Parameters");
    page.open("dl class=\"reference-members\"");
    for parameter in parameters {
        let place = text_of(&parameter["in"]);
        let need = if parameter["required"] == true { "" } else { ", optional" };
        let kind = format!("{}, in the {place}{need}", schema::kind(document, &parameter["schema"]));
        page.member(text_of(&parameter["name"]), &kind, text_of(&parameter["description"]), 0);
    }
    page.close("dl");
}

fn responses(page: &mut Page, document: &Value, described: &Value) {
    let answers = described["responses"].as_object().into_iter().flatten();
    for (status, response) in answers.filter(|(status, _)| status.starts_with('2')) {
        page.element("h4", &format!("Answer {status}"));
        page.prose(text_of(&response["description"]));
        if let Some(body) = content(response) {
            schema::members(page, document, &body["schema"], Use::Answer);
        }
    }
    let codes = document::codes(described);
    if !codes.is_empty() {
        page.open("p class=\"reference-codes\"");
        page.text("Problems: ");
        for code in codes {
            page.raw(&format!("<a href=\"#problem-{code}\"><code>{code}</code></a> "));
        }
        page.close("p");
    }
}

/// The requests that receivers get, one for each type of events.
fn webhooks(page: &mut Page, document: &Value, samples: &Samples) {
    page.raw("<h2 id=\"webhooks\">What webhooks get</h2>");
    page.prose("A POST for each event of a type that a webhook wants, signed with its secret.");
    for (name, item) in document["webhooks"].as_object().into_iter().flatten() {
        let described = &item["post"];
        page.open(&format!("section class=\"card\" id=\"webhook-{}\"", html::escaped(name)));
        page.raw(&format!("<h3><code>{}</code></h3>", html::escaped(name)));
        page.prose(text_of(&described["summary"]));
        if let Some(body) = content(&described["requestBody"]) {
            schema::members(page, document, &body["schema"], Use::Request);
        }
        if let Some(sample) = samples.get(name) {
            page.example(sample);
        }
        page.close("section");
    }
}

fn problems(page: &mut Page) {
    page.raw("<h2 id=\"problems\">Problems</h2>");
    page.prose("A refused request is answered with a problem document (RFC 9457). Its `code` is one of these.");
    page.open("dl class=\"card reference-members\"");
    let mut shown = "";
    for code in Code::ALL {
        // Two kinds can have one code.
        if code.name() == shown {
            continue;
        }
        shown = code.name();
        let status = code.status().as_u16().to_string();
        page.open(&format!("div id=\"problem-{shown}\""));
        page.definition(shown, &status, code.meaning_for_people());
        page.close("div");
    }
    page.close("dl");
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use crate::testing::TestApi;

    #[tokio::test]
    async fn the_reference_has_each_operation_each_code_and_no_script() {
        let api = TestApi::new().await;
        let html = api.reference().await;
        for operation in api.described.operations() {
            let id = operation.described["operationId"].as_str().expect("an id");
            assert!(html.contains(&format!("id=\"{id}\"")) && html.contains(&format!("href=\"#{id}\"")), "{id}");
            for code in operation.codes() {
                assert!(html.contains(&format!("id=\"problem-{code}\"")), "{code}");
            }
        }
        let sample = "{\n  &quot;event&quot;: &quot;task.completed&quot;,\n  &quot;taskId&quot;: ";
        assert!(html.contains(sample), "the members are in the order in which they are sent");
        assert!(html.contains("webhook-task.completed") && !html.contains("<script") && !html.contains("style="));
        assert!(!html.contains("http://") && !html.contains("https://unpkg"), "no third party");
    }

    #[test]
    fn texts_of_the_document_are_escaped() {
        let document = json!({
            "tags": [{"name": "A<b>"}],
            "paths": {"/<x>": {"get": {"operationId": "x", "tags": ["A<b>"], "summary": "<script>", "responses": {
                "200": {"description": "&", "content": {"a": {"schema": {"properties": {"<i>": {"type": "string"}}}}}},
            }}}},
            "webhooks": {"<w>": {"post": {}}},
        });
        let html = super::page(&document, &BTreeMap::from([("<w>".to_owned(), "<b>".to_owned())]), "/a.css");
        assert!(
            !html.contains("<script>")
                && !html.contains("<i>")
                && !html.contains("<b>")
                && !html.contains("<w>")
                && !html.contains("<x>")
        );
    }
}
