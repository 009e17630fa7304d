-- The ledger, layout 4. `events` is the truth and is only ever added to; `issues` is what the events make, kept so
-- that a list needs no replay, and rebuilt by Ledger.rebuild(). Instants are microseconds since 1970-01-01 UTC.

create table if not exists events (
    n integer primary key autoincrement,
    event_id text not null unique,
    issue_id text not null,
    happened_at integer not null,
    kind text not null,
    plot_id text not null,
    cause text not null,
    actor text not null,
    detail_json text not null
) strict;
create index if not exists events_by_issue on events (issue_id, n);
create trigger if not exists events_never_change before update on events
begin select raise(abort, 'events are never changed'); end;
create trigger if not exists events_never_go before delete on events
begin select raise(abort, 'events are never removed'); end;

create table if not exists issues (
    issue_id text primary key,
    plot_id text not null,
    cause text not null,
    state text not null,
    is_open integer not null,
    crew text,
    opened_at integer not null,
    closed_at integer,
    issue_json text not null
) strict;
create unique index if not exists one_open_issue_per_plot_and_cause on issues (plot_id, cause) where is_open = 1;
create index if not exists issues_by_plot on issues (plot_id, cause, opened_at);

-- The newest flag of each plot and cause; the history of flags is in the lake.
create table if not exists latest_findings (
    plot_id text not null,
    cause text not null,
    as_of integer not null,
    finding_json text not null,
    primary key (plot_id, cause)
) strict, without rowid;

-- What the first try with each client-made id led to; a second try with it is answered from here.
create table if not exists actions (
    action_id text primary key,
    issue_id text not null,
    kind text not null,
    actor text not null,
    event_id text not null
) strict, without rowid;

-- Every try, allowed or not.
create table if not exists audit (
    n integer primary key autoincrement,
    at integer not null,
    actor text not null,
    issue_id text not null,
    kind text not null,
    action_id text not null,
    outcome text not null
) strict;
create trigger if not exists audit_never_changes before update on audit
begin select raise(abort, 'the audit is never changed'); end;
create trigger if not exists audit_never_goes before delete on audit
begin select raise(abort, 'the audit is never shortened'); end;

create table if not exists photos (
    sha256 text primary key,
    file_name text not null,
    media_type text not null,
    bytes integer not null,
    received_at integer not null
) strict, without rowid;

-- How many bytes of photos each crew has sent on each local day.
create table if not exists photo_bytes (
    crew text not null,
    day text not null,
    bytes integer not null,
    primary key (crew, day)
) strict, without rowid;

-- How often the links of a role and subject were withdrawn: only links of the newest generation open anything.
create table if not exists link_generations (
    role text not null,
    subject text not null,
    generation integer not null,
    primary key (role, subject)
) strict, without rowid;

-- What the office did with the campaigns of the year; season is the year in which a campaign's window begins.
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

-- Where each campaign stood at the newest evaluation, for the pages.
create table if not exists campaign_standings (
    campaign_id text primary key,
    as_of integer not null,
    standing_json text not null
) strict, without rowid;

-- What crews and office are told without asking. A row is there before the message is sent, and its receipt after; no
-- link is in it. state: waiting, sent, refused, expired (its time was over), overtaken (nothing of it holds any more).
create table if not exists notices (
    notice_id text primary key,
    channel text not null,
    crew text not null,
    kind text not null,
    day text not null,
    list_version integer not null,
    made_at integer not null,
    not_before integer not null,
    expires_at integer not null,
    state text not null,
    tries integer not null,
    next_try_at integer not null,
    ended_at integer,
    content_json text
) strict, without rowid;
create index if not exists notices_by_state on notices (state, made_at);
create index if not exists notices_by_channel on notices (channel, kind, made_at);

-- What the other end said to each try of each part; a part that was sent is not sent again. outcome: sent, later, refused;
-- unknown until the answer is kept, and where that leaves open whether it arrived.
-- part: from 1; of a mail a number made of the mailbox's address. parts: how many were left to send.
create table if not exists notice_receipts (
    n integer primary key autoincrement,
    notice_id text not null,
    part integer not null,
    parts integer not null,
    at integer not null,
    outcome text not null,
    code text not null,
    said text not null
) strict;
create index if not exists notice_receipts_by_notice on notice_receipts (notice_id, n);

-- Up to which event each channel was told what cannot wait.
create table if not exists notice_cursors (
    channel text primary key,
    n integer not null
) strict, without rowid;
