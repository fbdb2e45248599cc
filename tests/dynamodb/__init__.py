"""DynamoDB tables: the store, held to its document and its promises at emulators of the service.

DynamoDB Local (Amazon's engine) is what the tests run against; moto, which is quick to start, for
what it is right about. What each gets wrong is worked around in the test and never in the product:

| what                                   | DynamoDB       | DynamoDB Local | moto 5            |
|----------------------------------------|----------------|----------------|-------------------|
| too many requests                      | are throttled  | never are      | never are         |
| what has expired by `ttl`              | goes in days   | goes later     | stays             |
| a scan in segments, of binary keys     | works          | works          | HTTP 500          |
| a scan after a key that is not there   | goes on there  | goes on there  | begins anew       |
| a batch of 26 items                    | refused        | refused        | taken             |
| an item of 400 KB less a few bytes     | taken          | taken          | refused           |
| an empty sort key                      | refused        | refused        | taken             |
| keys of another type than the table's  | refused        | refused        | find nothing      |
| time to live turned on twice           | refused        | refused        | taken             |
| a token of a transaction used again    | refused        | refused        | taken             |
| capacity that a batch used             | is told        | is told        | 1, whatever it is |
| the size of a table                    | some hours old | as it is       | 0                 |
| credentials                            | are checked    | any            | any               |

So throttling comes from `narrow`, a service of our own in front of DynamoDB Local; and with moto a
table is scanned in one segment, its keys are right, and nothing is made of how much it used.
"""
