"""A campaign: signatures run while programs are killed, parts restarted, wires cut.

    people.py     quotes that are sent, and clients who sign, whatever happens around them
    troubles.py   what is done to the system, one function each
    proxies.py    relais-proxy in front of Kafka and Postgres
    verdict.py    what must be true at the end, read from Directus and the simulator
    main.py       the order of it all
"""
