"""Training tasks in MaxCompute: SQL statements and PAI commands, submitted, watched and ended through pyodps.

pyodps is imported only where a project is really asked; the SQL itself is read and filled in without it.
"""
