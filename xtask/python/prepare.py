"""Makes one of everything through the API, and prints the ids as lines of NAME=ID."""

import sys

import requests

ORIGIN, KEY = sys.argv[1:]


def made(path, body):
    """The answer to a POST that has made something."""
    headers = {"Authorization": f"Bearer {KEY}"}
    answer = requests.post(f"{ORIGIN}/v1{path}", json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()["id"]


account = made("/accounts", {"name": "shop"})
webhook = {"url": "https://localhost:9/", "eventTypes": ["task.completed"]}
event = {"account": account, "event": "task.completed", "taskId": "task_1", "solution": {}}
print(f"ACCOUNT={account}")
print(f"OTHER_ACCOUNT={made('/accounts', {'name': 'other'})}")
print(f"ENDPOINT={made(f'/accounts/{account}/endpoints', webhook)}")
print(f"OTHER_ENDPOINT={made(f'/accounts/{account}/endpoints', webhook)}")
print(f"API_KEY={made(f'/accounts/{account}/api-keys', {'name': 'key', 'scopes': ['events:write']})}")
print(f"EVENT={made('/events', event)}")
