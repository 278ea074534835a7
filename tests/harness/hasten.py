"""Moves an export's expiry in the state table: endpoint, access key, region, org, export id, milliseconds from now."""
import json
import sys
import time
import urllib.request

endpoint, access_key, region, org, export, millis = sys.argv[1:]


def call(action, body):
    request = urllib.request.Request(
        endpoint,
        data=json.dumps(body).encode(),
        headers={
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"DynamoDB_20120810.{action}",
            "authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/dynamodb/aws4_request, "
            "SignedHeaders=host;x-amz-date, Signature=" + "0" * 64,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        },
    )
    with urllib.request.urlopen(request) as reply:
        return json.load(reply)


table = next(name for name in call("ListTables", {})["TableNames"] if "main" in name)
partition = {"S": f"ORG#{org}"}
pointer = call("GetItem", {"TableName": table, "Key": {"pk": partition, "sk": {"S": f"EXPORTID#{export}"}}})["Item"]
seq = json.loads(pointer["body"]["S"])["seq"]
key = {"pk": partition, "sk": {"S": f"EXPORT#{seq:020d}"}}
# The sweeper may be rewriting the row: change it only as it was read.
for _ in range(50):
    item = call("GetItem", {"TableName": table, "Key": key, "ConsistentRead": True})["Item"]
    body = json.loads(item["body"]["S"])
    if body["cleanup_at"] is not None:
        time.sleep(0.1)
        continue
    body["expires_at"] = int(time.time() * 1000) + int(millis)
    item["body"] = {"S": json.dumps(body)}
    item["due_at"] = {"N": str(body["expires_at"])}
    call(
        "PutItem",
        {
            "TableName": table,
            "Item": item,
            "ConditionExpression": "ver = :read",
            "ExpressionAttributeValues": {":read": item["ver"]},
        },
    )
    break
else:
    sys.exit("the export is never cleaned up")
