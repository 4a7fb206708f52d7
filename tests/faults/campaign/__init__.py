"""A campaign: journeys of five companies run while programs are killed, parts are
restarted and wires cut.

    people.py     who enter quotes, send, sign and pay them, whatever happens around
    stories.py    what is wished for each quote, and what that leads to
    providers.py  the three providers: what goes wrong there, where their workers die
    troubles.py   what is done to the system, one function each
    weeks.py      weeks that pass: follow-ups and reminders while programs die
    proxies.py    relais-proxy in front of Kafka and Postgres
    verdict.py    waits for the end; what must be true then of everything together
    judges.py     what must be true of one quote and one person, by everybody's books
    main.py       the order of it all
"""
