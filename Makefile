# `make` prints the targets.
PYTHON ?= python3
BIN := .venv/bin
COMPILE := uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --quiet
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help run emulator demo test check chaos faults kills signals latency fuzz contract image units loss bench profile dashboard pages insight audit lock articles clean hosts load simulate large names models startup reading

help: ## print the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' || \
		{ echo "ingest needs Python 3.11, 3.12, 3.13 or 3.14; name one with PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/base: requirements/base.txt | .venv
	python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/dev: requirements/dev.txt | .venv
	python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/base

.venv/bench: requirements/bench.txt .venv/dev
	python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

run: .venv/base ## set up, and run the whole stack on this machine until Ctrl-C
	@exec python -m ingest.devstack.run

emulator: .venv/base ## install what Google's Firestore emulator needs and this machine lacks
	@python -m ingest.devstack.emulator_install

demo: .venv/base ## set up, and process sample posts from end to end (POSTS=file.jsonl RECOUNT=1)
	@python -m ingest.devstack.demo $(if $(RECOUNT),--recount) $(POSTS)

test: .venv/dev ## set up, check the code and the dependencies, and run the tests
	@$(MAKE) --no-print-directory --jobs 2 check audit
	python -m pytest --numprocesses 3 --dist worksteal

check: .venv/dev ## check the style, the types and the documents
	ruff check .
	ruff format --check .
	mypy
	python -m tests.harness.prose

chaos: .venv/dev ## kill processes under load, and check the counts (POSTS=10000 STRIKES=24 OUTAGE=60 SEEDS="1 2 3" ON="embedded/sqlite")
	python -m tests.harness.chaos --posts $(or $(POSTS),10000) --strikes $(or $(STRIKES),24) \
		--outage $(or $(OUTAGE),60) --seeds $(or $(SEEDS),1 2 3) $(if $(ON),--on $(ON))

faults: .venv/dev ## kill workers between effect and acknowledgement, and check the counts (POSTS=1000 BROKERS="embedded rabbitmq")
	python -m tests.harness.faults --posts $(or $(POSTS),1000) --brokers $(or $(BROKERS),embedded rabbitmq)

kills: .venv/dev ## kill workers in the middle of forgetting, deleting and moving publications, and check the counts (POSTS=1000)
	python -m tests.harness.run_kills --posts $(or $(POSTS),1000)

hosts: .venv/dev ## run six machines, cut one off, kill another, and check the counts; needs root (POSTS=5000 OUTAGE=30)
	python -m tests.harness.multi_host --posts $(or $(POSTS),5000) --outage $(or $(OUTAGE),30)

signals: .venv/dev ## stop each process in every way under load, and check the counts (BACKLOGS="10 300 10000")
	python -m tests.harness.shutdown_matrix --backlogs $(or $(BACKLOGS),10 300 10000)

latency: .venv/dev ## measure live posts beside an archive (BULK=100000 LIVE=200 ON="embedded rabbitmq")
	python -m tests.harness.live_latency --bulk $(or $(BULK),100000) --live $(or $(LIVE),200) \
		--on $(or $(ON),embedded rabbitmq)

fuzz: .venv/dev ## send 100,000 bad bodies, and check the answers and counts (BODIES=100000 SEED=1)
	python -m tests.harness.fuzz --bodies $(or $(BODIES),100000) --seed $(or $(SEED),1)

contract: .venv/dev ## check the API against its description with schemathesis (EXAMPLES=100)
	python -m tests.harness.contract --examples $(or $(EXAMPLES),100)

image: .venv/dev ## carry out the Dockerfile in a chroot, and run its processes; needs root (PREFIX=/root/.pyenv/versions/3.12.1)
	python -m tests.harness.image_build $(if $(PREFIX),--python $(PREFIX))

units: .venv/dev ## run the systemd units under a systemd in namespaces; needs root (PREFIX=/root/.pyenv/versions/3.12.1)
	python -m tests.harness.systemd_units $(if $(PREFIX),--python $(PREFIX))

loss: .venv/dev ## measure the messages a killed embedded broker loses
	python -m tests.harness.broker_durability

bench: .venv/bench ## measure throughput and compare it with the model alone (LONG=1 for 100,000 posts)
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		python -m tests.harness.bench $(if $(LONG),--long)

startup: .venv/dev ## time the start of a stack with state, and its processor seconds (ROUNDS=5 STORES="sql firestore")
	python -m tests.harness.start_up --rounds $(or $(ROUNDS),5) --store $(or $(STORES),sql)

reading: .venv/bench ## time pages and answers beside a load (SECONDS=60 RATE=50)
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		python -m tests.harness.reading --seconds $(or $(SECONDS),60) --rate $(or $(RATE),50)

large: .venv/dev ## fill a large publication, and time its pages' queries (POSTS=1000000 ENTITIES=100000 DATABASE=sqlite FOLDER=kept TRIES=40)
	python -m tests.harness.large_publication --posts $(or $(POSTS),1000000) \
		--entities $(or $(ENTITIES),100000) --database $(or $(DATABASE),sqlite) $(if $(FOLDER),--folder $(FOLDER)) \
		$(if $(TRIES),--tries $(TRIES))

profile: .venv/bench ## profile the steps with Python's profiler
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		DJANGO_SETTINGS_MODULE=ingestsite.settings python -m tests.harness.profile

load: .venv/bench ## load 100,000 posts with each broker, and write a report (POSTS=100000 SIZE=1300)
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		python -m tests.harness.load_test --posts $(or $(POSTS),100000) --size $(or $(SIZE),1300)

simulate: .venv/base ## simulate publishers for a time, and check the counts (SECONDS=60 RATE=20 SEED=1)
	@python -m ingest.devstack.simulate --seconds $(or $(SECONDS),60) --rate $(or $(RATE),20) \
		--seed $(or $(SEED),1)

insight: .venv/bench ## measure the entities found in 300 real articles, in all ways of writing (GOLD=file.jsonl POSTS=file.jsonl)
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		python -m tests.harness.text_kinds
	DJANGO_SETTINGS_MODULE=ingestsite.settings python -m tests.harness.ner_quality $(if $(GOLD),--gold $(GOLD)) \
		$(if $(POSTS),--posts $(POSTS))

models: .venv/bench ## compare the speed of the small and the larger model
	OPENBLAS_NUM_THREADS=1 MALLOC_TRIM_THRESHOLD_=134217728 MALLOC_MMAP_THRESHOLD_=134217728 \
		python -m tests.harness.model_speed

names: .venv/bench ## write the lists of places and of people's names anew
	python -m tests.harness.name_lists

dashboard: .venv/dev ## compare metrics, log, traces and dashboard for 1,000 posts (POSTS=1000)
	python -m tests.harness.dashboard --posts $(or $(POSTS),1000) --pictures var/dashboard

pages: .venv/bench ## take screenshots of every page with 350 real articles over a year, and time entity lists
	python -m tests.harness.pages var/pages

articles: .venv/bench ## write 300 real articles to var/articles.jsonl, one post a line
	@mkdir -p var
	@python -m tests.harness.articles > var/articles.jsonl

audit: .venv/dev ## look for known vulnerabilities in the dependencies
	python -m tests.harness.dependency_audit

lock: .venv/dev ## compile requirements/*.in to files with hashes
	for name in base parquet follow dev bench image; do \
		$(COMPILE) requirements/$$name.in --output-file requirements/$$name.txt; \
	done
	for name in client remote; do \
		$(COMPILE) requirements/$$name.in --constraints requirements/base.txt \
			--output-file requirements/$$name.txt; \
	done
	$(COMPILE) requirements/emulator.in --output-file ingest/devstack/emulator.txt

clean: ## delete the virtual environment and all state
	rm -rf .venv var
