# Migrations; sandboxctl migrate finds them in $(pkgdatadir)/sql.
sqldir = $(pkgdatadir)/sql
dist_sql_DATA = sql/0001_init.sql sql/0002_contract.sql sql/0003_workspaces.sql \
	sql/0004_lifecycle.sql sql/0005_speed.sql sql/0006_assign.sql
