"""DynamoDB tables: the store, held to its document and its promises at emulators of the service."""
