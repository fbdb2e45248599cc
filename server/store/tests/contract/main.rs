//! The contract that every store keeps, as tests: one list of promises, run over each store.
//!
//! A new store is one line at the end of this file and a [`homes::Home`] that makes it.
//!
//! | module | holds |
//! |---|---|
//! | [`homes`] | where a store of each kind lives, is made and is opened again |
//! | [`value`] | values by their meaning, and as payloads of an RDB |
//! | [`dataset`] | datasets loaded as an import loads them, and read back by the layout |
//! | [`records`] | promises about records: order, snapshots, transactions, bulk load |
//! | [`values`] | promises about values of every kind and size |
//! | [`keys`] | promises about keys, databases, the expiry index, the counters |
//! | `dynamodb` | DynamoDB tables, where the feature is on: their home and promises of their own |
//! | [`durable`] | promises of stores that outlive a process: reopening, crashes |
//! | [`leveldb_refusals`] | what a LevelDB store refuses to open, and the sentence it says |
//! | [`refusals`] | what an LMDB store refuses to open, and the sentence it says |
mod dataset;
mod durable;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod homes;
mod keys;
mod leveldb_refusals;
mod records;
mod refusals;
mod value;
mod values;

/// Makes each promise a test of the store in `home`.
macro_rules! promises {
    ($home:ty: $($module:ident::$promise:ident)*) => {
        $(
            #[test]
            fn $promise() {
                crate::$module::$promise::<$home>();
            }
        )*
    };
}

/// What every store promises.
macro_rules! store {
    ($name:ident, $home:ty) => {
        mod $name {
            promises! { $home:
                records::are_in_byte_order_from_any_place_in_both_directions
                records::of_a_transaction_are_seen_by_it_at_once
                records::of_a_transaction_given_up_are_nowhere
                records::of_a_snapshot_do_not_change
                records::are_read_by_many_threads_at_once
                records::of_a_bulk_load_go_behind_what_is_there
                records::out_of_order_are_refused_by_a_bulk_load
                records::with_keys_of_the_longest_length_are_kept
                values::of_every_kind_are_read_back_inline_and_segmented
                values::with_empty_and_binary_elements_are_read_back
                values::of_several_megabytes_are_read_back
                values::in_pieces_of_every_length_are_read_back
                values::with_many_pending_entries_are_read_back
                values::in_pieces_are_refused_when_a_piece_is_not_whole
                values::of_100_000_elements_are_read_back
                values::of_real_servers_are_read_back
                values::have_each_element_where_the_layout_says
                values::of_equal_scores_and_long_common_prefixes_keep_their_order
                keys::are_seen_once_each_in_order_database_by_database
                keys::that_are_long_are_found_whole
                keys::that_expire_are_in_the_expiry_index_in_order_of_time
                keys::are_counted_as_they_are_stored
                keys::without_any_make_a_dataset_too
            }
        }
    };
}

/// What stores promise that outlive a process.
macro_rules! durable_store {
    ($name:ident, $home:ty) => {
        mod $name {
            promises! { $home:
                durable::what_was_synced_is_there_when_opened_again
                durable::changes_over_many_openings_are_all_there
                durable::a_load_given_up_is_refused
                durable::a_load_that_was_killed_is_refused
                durable::a_kill_between_two_commits_leaves_the_first_whole
                durable::a_store_opened_for_reading_takes_no_changes
                durable::a_load_over_a_dataset_is_refused_and_the_dataset_stays
            }

            /// Not a promise: the process that the tests above kill.
            #[test]
            fn victim() {
                crate::durable::victim::<$home>();
            }
        }
    };
}

store!(memory, crate::homes::Memory);
store!(lmdb, crate::homes::Lmdb);
durable_store!(lmdb_on_disk, crate::homes::Lmdb);
store!(leveldb, crate::homes::LevelDb);
durable_store!(leveldb_on_disk, crate::homes::LevelDb);

/// What tables promise, which have no order: at a service that is there, so only when asked for.
#[cfg(feature = "dynamodb")]
mod dynamodb_tables {
    macro_rules! promises {
        ($($module:ident::$promise:ident)*) => {
            $(
                #[test]
                #[ignore = "needs a service at REDTOOL_DYNAMODB_ENDPOINT"]
                fn $promise() {
                    crate::$module::$promise::<crate::dynamodb::Dynamo>();
                }
            )*
        };
    }

    promises! {
        values::of_every_kind_are_read_back_inline_and_segmented
        values::with_empty_and_binary_elements_are_read_back
        values::of_several_megabytes_are_read_back
        values::of_100_000_elements_are_read_back
        values::of_real_servers_are_read_back
        values::of_equal_scores_and_long_common_prefixes_keep_their_order
        keys::that_are_long_are_found_whole
        dynamodb::expiring_ones_and_dbs_are_counted_as_they_are_stored
        dynamodb::an_import_that_stopped_goes_on_where_it_was
        dynamodb::another_dataset_is_not_taken_for_the_rest_of_an_import
        dynamodb::a_scan_gives_each_value_once_and_in_one_piece
        dynamodb::a_walk_goes_on_after_any_key
        dynamodb::records_expected_together_are_read_together
        dynamodb::what_is_no_table_of_redtools_is_refused
        dynamodb::credentials_are_asked_for_and_their_words_are_told
    }
}
