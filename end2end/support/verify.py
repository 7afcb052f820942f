"""Verifies a delivery, read as JSON, with Standard Webhooks' library for Python, and prints its body."""

import json
import sys

from standardwebhooks import Webhook

delivery = json.load(sys.stdin)
print(json.dumps(Webhook(delivery["secret"]).verify(delivery["text"], delivery["headers"])))
