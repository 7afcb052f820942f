//! The catalogue of event types, on the command line and in a file.

use std::fs;

use super::{Folder, LISTEN, refusal};

const SHOP: &str = "eventTypes:
  order.paid:
    description: A customer has paid an order.
    schema: { type: object, required: [orderId], properties: { orderId: { type: string } } }
    sample: { orderId: order_1 }
  order.sent:
    description: An order is on its way.
";

/// The line of a type in the list.
async fn line(folder: &Folder, name: &str) -> Option<String> {
    let list = folder.printed(&["event-type", "list"]).await;
    list.lines().find(|line| line.split_whitespace().next() == Some(name)).map(str::to_owned)
}

#[tokio::test]
async fn a_file_twice_changes_nothing_and_what_it_names_no_more_is_archived() {
    let folder = Folder::new();
    fs::write(folder.path().join("shop.yaml"), SHOP).expect("a file");
    let import = ["event-type", "import", "shop.yaml"];
    assert_eq!(folder.printed(&import).await, "2 added, 0 changed, 0 archived, 0 as before");
    assert_eq!(folder.printed(&import).await, "0 added, 0 changed, 0 archived, 2 as before");
    folder.printed(&["event-type", "add", "order.lost"]).await;
    let (kept, _) = SHOP.split_once("  order.sent").expect("two types");
    fs::write(folder.path().join("shop.yaml"), kept).expect("a file");
    assert_eq!(folder.printed(&import).await, "0 added, 0 changed, 1 archived, 1 as before");
    assert!(line(&folder, "order.sent").await.expect("history").contains("archived"));
    assert!(!line(&folder, "order.lost").await.expect("not from a file").contains("archived"));
    let shown = folder.printed(&["event-type", "show", "order.paid"]).await;
    assert!(shown.contains("A customer has paid an order.") && shown.contains("\"orderId\": \"order_1\""), "{shown}");
}

#[tokio::test]
async fn a_server_takes_its_event_types_from_an_openapi_document() {
    let folder = Folder::new();
    let document = r##"{"openapi":"3.1.0","info":{"title":"Shop","version":"1"},"webhooks":{"order.paid":{"post":{
        "summary":"A customer has paid.","requestBody":{"content":{"application/json":{
            "schema":{"$ref":"#/components/schemas/Paid"},
            "example":{"event":"order.paid","orderId":"order_1","timestamp":"2026-03-28T12:00:00Z"}}}}}}},
        "components":{"schemas":{"Paid":{"type":"object","required":["orderId"],
            "properties":{"orderId":{"$ref":"#/components/schemas/Id"}}},"Id":{"type":"string"}}}}"##;
    fs::write(folder.path().join("shop.json"), document).expect("a file");
    let mut server = folder.serve(&["--event-types", "shop.json"]).await;
    assert!(line(&folder, "order.paid").await.expect("a type").contains("A customer has paid."));
    server.stop().await;
    folder.serve(&["--event-types", "shop.json"]).await.stop().await;
}

#[tokio::test]
async fn a_file_with_a_fault_is_refused_whole_with_its_place() {
    let folder = Folder::new();
    for (from, to, words) in [
        ("type: object", "type: objekt", "shop.yaml: order.paid: \"/schema/type\""),
        ("orderId: order_1", "orderId: 7", "shop.yaml: order.paid: \"/sample/orderId\""),
        ("  order.sent:", "  Order:", "shop.yaml: Order: /eventTypes/Order is not the name of an event type"),
        ("  order.sent:", "  task.failed:", "shop.yaml: task.failed: "),
        (
            "description: An",
            "describtion: An",
            "shop.yaml: order.sent: /eventTypes/order.sent/describtion is not known",
        ),
        ("eventTypes:", "eventTypes: [", "shop.yaml: is not YAML"),
    ] {
        fs::write(folder.path().join("shop.yaml"), SHOP.replace(from, to)).expect("a file");
        let error = refusal(folder.signet(&["event-type", "import", "shop.yaml"])).await;
        assert!(error.contains(words), "{error}");
        let mut serve = folder.signet(&["serve", "--event-types", "shop.yaml"]);
        serve.args(LISTEN);
        assert!(refusal(serve).await.contains(words), "{to}");
    }
    for made in ["signet.db", "signet.key"] {
        assert!(!folder.path().join(made).exists(), "{made}");
    }
}

#[tokio::test]
async fn an_event_type_is_added_changed_archived_and_restored() {
    let folder = Folder::new();
    let schema = r#"{"type":"object","required":["orderId"]}"#;
    let sample = ["--sample", r#"{"orderId":"order_1"}"#];
    folder.printed(&[&["event-type", "add", "order.paid", "--schema", schema], &sample[..]].concat()).await;
    folder.printed(&["event-type", "change", "order.paid", "--description", "Paid."]).await;
    let shown = folder.printed(&["event-type", "show", "order.paid"]).await;
    assert!(shown.contains("Paid.") && shown.contains("\"required\"") && shown.contains("order_1"), "{shown}");
    folder.printed(&["event-type", "change", "order.paid", "--without-schema"]).await;
    assert!(!folder.printed(&["event-type", "show", "order.paid"]).await.contains("schema"));
    folder.printed(&["event-type", "archive", "order.paid"]).await;
    assert!(line(&folder, "order.paid").await.expect("a type").contains("archived"));
    folder.printed(&["event-type", "restore", "order.paid"]).await;
    assert!(!line(&folder, "order.paid").await.expect("a type").contains("archived"));
    for (arguments, words) in [
        (&["event-type", "add", "order.paid"][..], "with this name already"),
        (&["event-type", "change", "task.failed", "--description", "x"], "built in"),
        (&["event-type", "archive", "order.none"], "no such event type"),
        (&["event-type", "change", "order.paid"], "nothing is to be changed"),
    ] {
        let error = refusal(folder.signet(arguments)).await;
        assert!(error.contains(words), "{error}");
    }
}
