-- What is too old is found by a walk through the tables (common/ledger_keeper.c): these were
-- kept at every insertion, and once new rows had taken the room of old ones found nothing.
DROP INDEX relais.finished_event_age;
DROP INDEX relais.journey_step_age;
