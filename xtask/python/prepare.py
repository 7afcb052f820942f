"""Makes one of everything through the API, and prints the ids as lines of NAME=ID."""

import sys

import requests

ORIGIN, KEY = sys.argv[1:]


HEADERS = {"Authorization": f"Bearer {KEY}"}


def made(path, body):
    """The id in the answer to a POST that has made something."""
    answer = requests.post(f"{ORIGIN}/v1{path}", json=body, headers=HEADERS, timeout=30)
    answer.raise_for_status()
    return answer.json().get("id")


def first(path):
    """The id of the first entry of a list."""
    answer = requests.get(f"{ORIGIN}/v1{path}", headers=HEADERS, timeout=30)
    answer.raise_for_status()
    return answer.json()["data"][0]["id"]


account = made("/accounts", {"name": "shop"})
own = f"/accounts/{account}"
# No program listens there: each attempt fails at once.
webhook = {"url": "https://localhost:9/", "eventTypes": ["task.completed"]}
key = {"name": "key", "scopes": ["events:write"]}
for name in ("order.paid", "order.sent"):
    made("/event-types", {"name": name, "sample": {"orderId": "A-1"}})
print(f"ACCOUNT={account}")
print(f"OTHER_ACCOUNT={made('/accounts', {'name': 'other'})}")
print(f"ENDPOINT={made(f'{own}/endpoints', webhook)}")
print(f"EVENT={made('/events', {'account': account, 'event': 'task.completed', 'taskId': 'task_1', 'solution': {}})}")
print(f"DELIVERY={first(f'{own}/deliveries')}")
print(f"RESEND={made(f'{own}/resends', {'state': 'failed'})}")
print(f"OTHER_ENDPOINT={made(f'{own}/endpoints', webhook)}")
print(f"API_KEY={made(f'{own}/api-keys', key)}")
print(f"OPERATOR_KEY={made('/api-keys', key)}")
print("EVENT_TYPE=order.paid")
print("OTHER_EVENT_TYPE=order.sent")
