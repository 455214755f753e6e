-- What lists of events need.

-- Whom the task belongs to that an event of Ordinaut itself tells of, as text. Computed when it is asked for; what
-- others write into their data means nothing.
ALTER TABLE event ADD COLUMN owner TEXT
    GENERATED ALWAYS AS (
        CASE WHEN lower(substr(topic, 1, 9)) = 'ordinaut.' AND json_valid(data) THEN json_extract(data, '$.owner') END
    )
    VIRTUAL;

-- Serves the list of topics with their counts, without a look at the events themselves.
CREATE INDEX event_topics ON event (topic, owner, time);
