-- Replies of servers that the table of reply codes does not know: counted by provider and code, without their text.

create table ledger.unknown_replies (
    provider text not null check (length(provider) between 1 and 60),
    code text not null check (length(code) between 3 and 60),
    replies bigint not null default 0 check (replies >= 0),
    first_seen_at timestamptz not null,
    last_seen_at timestamptz not null,
    primary key (provider, code)
);

comment on table ledger.unknown_replies is
    'Codes that no rule of reply_codes.toml knew; their basic code alone decided. A code holds no text of the reply.';
