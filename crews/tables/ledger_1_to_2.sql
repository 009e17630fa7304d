-- From layout 1 to 2: links are withdrawn by generation instead of by clock; photos are counted per crew and day.
-- Ledger.rebuild() follows, because an issue now keeps only the photos of its newest report.

create table photo_bytes (
    crew text not null,
    day text not null,
    bytes integer not null,
    primary key (crew, day)
) strict, without rowid;

create table link_generations (
    role text not null,
    subject text not null,
    generation integer not null,
    primary key (role, subject)
) strict, without rowid;

-- What was made after a withdrawal cannot be told from what was made before by anything but the clock: all must go.
insert into link_generations (role, subject, generation) select role, subject, 1 from revocations;

drop table revocations;
