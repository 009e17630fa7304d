-- From layout 2 to 3: the office starts and closes campaigns of the year.

create table if not exists campaign_events (
    n integer primary key autoincrement,
    event_id text not null unique,
    campaign_id text not null,
    season integer not null,
    happened_at integer not null,
    kind text not null,
    actor text not null,
    note text
) strict;
create trigger if not exists campaign_events_never_change before update on campaign_events
begin select raise(abort, 'events are never changed'); end;
create trigger if not exists campaign_events_never_go before delete on campaign_events
begin select raise(abort, 'events are never removed'); end;

create table if not exists campaign_standings (
    campaign_id text primary key,
    as_of integer not null,
    standing_json text not null
) strict, without rowid;
